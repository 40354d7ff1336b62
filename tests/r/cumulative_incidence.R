# Writes cumulative_incidence.json and cumulative_incidence.session.txt in tests/golden with R's survival package.
# Run from the project's root:  Rscript tests/r/cumulative_incidence.R
# (Debian: r-base-core r-cran-survival r-cran-jsonlite)
#
#   competing   made: 120 patients of two arms with scheduled scans; progression and death in columns of their own
#   rossi, whas500   events given a cause by a rule, for ties and many censored; cause 2 has whole times, so many ties
# Limits are survfit's for several states, on its three scales; "log" is its default.

library(survival)
library(jsonlite)

read <- function(name) read.csv(file.path("tests/r/data", paste0(name, ".csv")))
competing <- read("competing")
competing$time <- with(competing, ifelse(progression == 0 & death == 1, death_time, progression_time))
competing$cause <- with(competing, ifelse(progression == 1, 1, ifelse(death == 1, 2, 0)))
competing$group <- competing$arm
rossi <- read("rossi")
rossi$cause <- rossi$event * (1 + as.integer(rossi$age > 22))
rossi$group <- rossi$fin
whas500 <- read("whas500")
whas500$cause <- whas500$event * (1 + as.integer(whas500$hr > 90) + as.integer(whas500$hr > 110))
whas500$group <- whas500$sho
cases <- list(competing = competing, rossi = rossi, whas500 = whas500)

curves <- function(data, causes) {
  state <- factor(data$cause, 0:causes, c("none", paste0("cause", seq_len(causes))))
  fits <- lapply(c("plain", "log", "log-log"), function(scale)
    survfit(Surv(data$time, state) ~ 1, conf.type = scale))
  fit <- fits[[2]]
  list(n = nrow(data), time = I(fit$time), at_risk = I(fit$n.risk[, 1]), event_free = I(fit$pstate[, 1]),
       causes = lapply(seq_len(causes) + 1, function(k) list(
         incidence = I(fit$pstate[, k]), std_error = I(fit$std.err[, k]),
         scales = lapply(fits, function(one)
           list(scale = one$conf.type, low = I(one$lower[, k]), high = I(one$upper[, k]))))))
}

golden <- lapply(names(cases), function(name) {
  data <- cases[[name]]
  causes <- max(data$cause)
  tests <- lapply(seq_len(causes), function(k) {
    test <- survdiff(Surv(data$time, data$cause == k) ~ data$group)
    list(chi2 = test$chisq, p = test$pvalue)
  })
  list(data = name, time = I(data$time), cause = I(data$cause), group = I(data$group), n_causes = causes,
       by_group = lapply(0:1, function(one) curves(data[data$group == one, ], causes)),
       tests = tests)
})
write(toJSON(golden, digits = I(15), auto_unbox = TRUE, na = "null"), "tests/golden/cumulative_incidence.json")
writeLines(capture.output(sessionInfo()), "tests/golden/cumulative_incidence.session.txt")
