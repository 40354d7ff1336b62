# Writes proportional_hazards.json and proportional_hazards.session.txt in tests/golden with R's survival package.
# Run from the project's root:  Rscript tests/r/proportional_hazards.R  (Debian: r-base-core r-cran-survival r-cran-jsonlite)
# The data are those of cox_concordance.R.

library(survival)
library(jsonlite)

models <- list(
  rossi = list(c("fin", "age", "prio"), "fin"),
  larynx = list(c("age", "stage_2", "stage_3", "stage_4")),
  veteran = list(c("karnofsky", "age", "treatment"), "karnofsky"),
  whas500 = list(c("age", "bmi", "hr", "sho"), "sho"),
  gbsg2 = list(c("age", "pnodes", "progrec", "tsize")),
  scheduled_visits = list(c("sldr", "dlog_cga", "arm"), "arm"),
  few_events = list(c("sldr", "dlog_cga"), "arm")
)
exact <- coxph.control(eps = 1e-14, toler.chol = 1e-15, iter.max = 100)

tested <- function(data, markers) {
  fit <- coxph(reformulate(markers, "Surv(time, event)"), data, control = exact)
  zph <- cox.zph(fit)
  list(markers = I(markers), coef = I(unname(coef(fit))), chi2 = I(unname(zph$table[, "chisq"])),
       p = I(unname(zph$table[, "p"])), time = I(unname(zph$time)), transformed = I(unname(zph$x)),
       residuals = unname(zph$y))
}

golden <- unlist(lapply(names(models), function(name) {
  data <- read.csv(file.path("tests/r/data", paste0(name, ".csv")))
  lapply(models[[name]], function(markers) c(list(data = name), tested(data, markers)))
}), recursive = FALSE)
write(toJSON(golden, digits = I(15), auto_unbox = TRUE), "tests/golden/proportional_hazards.json")
writeLines(capture.output(sessionInfo()), "tests/golden/proportional_hazards.session.txt")
