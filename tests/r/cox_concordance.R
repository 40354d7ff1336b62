# Writes cox_concordance.json, cox_degenerate.json and cox_concordance.session.txt in tests/golden with R's survival package.
# Run from the project's root:  Rscript tests/r/cox_concordance.R   (Debian: r-base-core r-cran-survival r-cran-jsonlite)
#
# Data in tests/r/data, the first column `time` in the unit of its source:
#   rossi, larynx         public sets as distributed with lifelines (recidivism; larynx cancer)
#   veteran, whas500      public sets as distributed with scikit-survival (lung cancer trial; heart attack study)
#   gbsg2                 the first 300 rows of scikit-survival's breast cancer set
#   scheduled_visits      made: events seen at five visits only, completers censored at the last of them
#   few_events            made: 54 patients, two visits, 13 events
#   rare_levels           made: 60 training rows, 30 test rows; in training the level `rare` has no events, `absent` does
#                         not occur and `combined` is 2 marker - second + 1

library(survival)
library(jsonlite)

models <- list(
  rossi = list(c("fin", "age", "prio"), "prio"),
  larynx = list(c("age", "stage_2", "stage_3", "stage_4"), "age"),
  veteran = list(c("karnofsky", "age", "treatment"), "karnofsky"),
  whas500 = list(c("age", "bmi", "hr", "sho"), c("age", "bmi"), "hr"),
  gbsg2 = list(c("age", "pnodes", "progrec", "tsize"), "pnodes"),
  scheduled_visits = list(c("sldr", "dlog_cga"), c("sldr", "dlog_cga", "arm"), "sldr", "arm"),
  few_events = list(c("sldr", "dlog_cga"), c("sldr", "dlog_cga", "arm"), "dlog_cga")
)

# Steps until nothing moves: coxph's default stops at about 1e-9 of the log likelihood.
exact <- coxph.control(eps = 1e-14, toler.chol = 1e-15, iter.max = 100)

cox <- function(data, markers, ties) {
  fit <- coxph(reformulate(markers, "Surv(time, event)"), data, ties = ties, control = exact)
  list(markers = I(markers), ties = ties, coef = I(unname(coef(fit))), covariance = unname(vcov(fit)),
       log_likelihood_null = fit$loglik[1], log_likelihood = fit$loglik[2])
}

# A marker is read as a risk: reverse = TRUE makes a higher value mean a shorter time.
concordances <- function(data, marker) {
  tau <- unname(quantile(data$time[data$event == 1], 0.5, type = 1))
  counted <- concordance(reformulate(marker, "Surv(time, event)"), data, reverse = TRUE)
  uno <- function(ymax = NULL) {
    unname(concordance(reformulate(marker, "Surv(time, event)"), data, reverse = TRUE, timewt = "n/G2", ymax = ymax)$concordance)
  }
  list(marker = marker, harrell = unname(counted$concordance), concordant = counted$count[["concordant"]],
       discordant = counted$count[["discordant"]], tied = counted$count[["tied.x"]],
       uno = uno(), tau = tau, uno_tau = uno(tau))
}

# Fits on the training rows with coefficients that R calls infinite or NA (left out), scored on the test rows.
# The size of an infinite coefficient is where R's steps end; the order of risks is the limit's. With a smaller eps the
# vanishing information of that coefficient falls below toler.chol and R leaves it out.
degenerate <- function(data, markers) {
  train <- data[data$train == 1, ]
  test <- data[data$train == 0, ]
  fit <- suppressWarnings(coxph(reformulate(markers, "Surv(time, event)"), train,
                                control = coxph.control(eps = 1e-12, toler.chol = 1e-14, iter.max = 100)))
  beta <- unname(coef(fit))
  test$risk <- as.vector(as.matrix(test[markers]) %*% ifelse(is.na(beta), 0, beta))
  list(markers = I(markers), coef = I(beta), log_likelihood = fit$loglik[2],
       harrell = unname(concordance(Surv(time, event) ~ risk, test, reverse = TRUE)$concordance))
}
rare_levels <- read.csv("tests/r/data/rare_levels.csv")
rare_models <- list(c("marker", "rare"), c("marker", "absent"), c("rare", "marker", "absent", "second"),
                    c("marker", "second", "combined"), c("combined", "marker", "rare", "second"), "rare")

golden <- lapply(names(models), function(name) {
  data <- read.csv(file.path("tests/r/data", paste0(name, ".csv")))
  markers <- models[[name]]
  list(
    data = name, n = nrow(data), events = sum(data$event),
    cox = unlist(lapply(markers, function(m) list(cox(data, m, "efron"), cox(data, m, "breslow"))), recursive = FALSE),
    concordance = lapply(unique(unlist(markers)), function(m) concordances(data, m))
  )
})
write(toJSON(lapply(rare_models, function(m) degenerate(rare_levels, m)), digits = I(15), auto_unbox = TRUE,
             pretty = TRUE, na = "null"), "tests/golden/cox_degenerate.json")
write(toJSON(golden, digits = I(15), auto_unbox = TRUE, pretty = TRUE), "tests/golden/cox_concordance.json")
writeLines(capture.output(sessionInfo()), "tests/golden/cox_concordance.session.txt")
