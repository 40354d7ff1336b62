# Writes cut_points.json and cut_points.session.txt in tests/golden with R's maxstat package.
# Run from the project's root:  Rscript tests/r/cut_points.R   (Debian: r-base-core r-cran-maxstat r-cran-jsonlite)
#
# maxstat's log-rank scores treat tied times in a way of their own, so times here are all different:
#   untied      made: 120 patients, a marker with ties and a true effect

suppressMessages(library(maxstat))
suppressMessages(library(survival))
library(jsonlite)

data <- read.csv("tests/r/data/untied.csv")
data$noise <- sin(seq_len(nrow(data)) * 12.9898) * 43758.5453 %% 1
tested <- function(marker) {
  test <- maxstat.test(reformulate(marker, "Surv(time, event)"), data, smethod = "LogRank", pmethod = "Lau94")
  list(marker = marker, values = I(data[[marker]]), statistic = unname(test$statistic), cut = unname(test$estimate),
       statistics = I(unname(test$stats)), cuts = I(unname(test$cuts)), p_lau94 = test$p.value)
}
write(toJSON(lapply(c("marker", "noise"), tested), digits = I(15), auto_unbox = TRUE), "tests/golden/cut_points.json")
writeLines(capture.output(sessionInfo()), "tests/golden/cut_points.session.txt")
