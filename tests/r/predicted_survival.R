# Writes predicted_survival.json and predicted_survival.session.txt in tests/golden with R's survival package.
# Run from the project's root:  Rscript tests/r/predicted_survival.R  (Debian: r-base-core r-cran-survival r-cran-jsonlite)
#
# The data are those of cox_concordance.R and one made one:
#   lone_event            twelve patients, one event, among patients with lower and with higher values

library(survival)
library(jsonlite)

models <- list(
  rossi = c("fin", "age", "prio"),
  larynx = c("age", "stage_2", "stage_3", "stage_4"),
  veteran = c("karnofsky", "age", "treatment"),
  scheduled_visits = c("sldr", "dlog_cga", "arm"),
  few_events = c("sldr", "dlog_cga"),
  untied = "marker",
  lone_event = "marker"
)
exact <- coxph.control(eps = 1e-14, toler.chol = 1e-15, iter.max = 100)
scales <- c("log", "log-log")

asked <- function(x) {  # the median patient, one at the edges, one far outside of the data
  centre <- apply(x, 2, median)
  spread <- apply(x, 2, sd)
  rbind(centre, apply(x, 2, min), apply(x, 2, max), centre + 3 * spread)
}

predicted <- function(name) {
  data <- read.csv(file.path("tests/r/data", paste0(name, ".csv")))
  markers <- models[[name]]
  fit <- coxph(reformulate(markers, "Surv(time, event)"), data, ties = "efron", control = exact)
  new <- as.data.frame(asked(as.matrix(data[markers])))
  columns <- function(values) lapply(seq_len(nrow(new)), function(one) I(unname(as.matrix(values)[, one])))
  curves <- survfit(fit, newdata = new)
  stopifnot(curves$conf.type == "log")
  limits <- lapply(scales, function(scale) {
    of <- survfit(fit, newdata = new, conf.type = scale)
    passed <- suppressWarnings(quantile(of, 0.5))  # it says that values of a step function repeat
    list(scale = scale, low = columns(of$lower), high = columns(of$upper), median = I(unname(c(passed$quantile))),
         median_low = I(unname(c(passed$lower))), median_high = I(unname(c(passed$upper))))
  })
  list(data = name, markers = I(markers), coef = I(unname(coef(fit))), new = unname(as.matrix(new)), time = I(curves$time),
       at_risk = I(curves$n.risk), events = I(curves$n.event), survival = columns(curves$surv),
       log_std_error = columns(curves$std.err), limits = limits)
}

golden <- lapply(names(models), predicted)
write(toJSON(golden, digits = I(15), auto_unbox = TRUE, na = "null"), "tests/golden/predicted_survival.json")
writeLines(capture.output(sessionInfo()), "tests/golden/predicted_survival.session.txt")
