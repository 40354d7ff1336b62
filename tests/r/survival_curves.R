# Writes survival_curves.json and survival_curves.session.txt in tests/golden with R's survival package.
# Run from the project's root:  Rscript tests/r/survival_curves.R   (Debian: r-base-core r-cran-survival r-cran-jsonlite)
#
# The data are those of cox_concordance.R and some made ones:
#   single_event, no_events, all_at_zero (all censored at time 0), all_events, heavy_censoring
#   exact_half            the curve lies on 0.5 for a while, where the median is the middle of that step

library(survival)
library(jsonlite)

read <- function(name) read.csv(file.path("tests/r/data", paste0(name, ".csv")))
cases <- list(
  rossi = list(group = quote(fin), strata = quote(as.integer(prio > 2))),
  larynx = list(group = quote(stage_2 + 2 * stage_3 + 3 * stage_4), strata = quote(as.integer(age > 65))),
  veteran = list(group = quote(treatment), strata = quote(as.integer(karnofsky >= 60))),
  whas500 = list(group = quote(sho), strata = quote(as.integer(age > 70))),
  gbsg2 = list(group = quote(as.integer(pnodes > 3)), strata = quote(as.integer(tsize > 25))),
  scheduled_visits = list(group = quote(arm), strata = quote(as.integer(sldr > 1.1))),
  few_events = list(group = quote(arm), strata = quote(as.integer(sldr > 1))),
  single_event = list(group = quote(group)), no_events = list(group = quote(group)),
  all_at_zero = list(group = quote(group)), exact_half = list(group = quote(group)),
  all_events = list(group = quote(group)), heavy_censoring = list(group = quote(group))
)
shares <- c(0.25, 0.5, 0.75)

curve <- function(data) {
  scales <- lapply(c("plain", "log", "log-log"), function(scale) {
    fit <- survfit(Surv(time, event) ~ 1, data, conf.type = scale)
    passed <- quantile(fit, shares)
    list(scale = scale, low = I(fit$lower), high = I(fit$upper), quantile = I(unname(passed$quantile)),
         quantile_low = I(unname(passed$lower)), quantile_high = I(unname(passed$upper)))
  })
  fit <- survfit(Surv(time, event) ~ 1, data)
  horizons <- if (max(data$time) > 0) max(data$time) * c(0.5, 1) else numeric()
  means <- lapply(horizons, function(horizon) {
    table <- survival:::survmean(fit, rmean = horizon)$matrix
    list(horizon = horizon, mean = unname(table["rmean"]), std_error = unname(table["se(rmean)"]))
  })
  list(n = nrow(data), time = I(fit$time), at_risk = I(fit$n.risk), events = I(fit$n.event),
       censored = I(fit$n.censor), survival = I(fit$surv), log_std_error = I(fit$std.err),
       probabilities = shares, scales = scales, means = means)
}

tested <- function(formula, data, rho, stratified) {
  test <- survdiff(formula, data, rho = rho)
  sums <- function(x) I(unname(if (is.matrix(x)) rowSums(x) else x))
  list(rho = rho, stratified = stratified, observed = sums(test$obs), expected = sums(test$exp),
       chi2 = test$chisq, p = test$pvalue)
}

golden <- lapply(names(cases), function(name) {
  data <- read(name)
  data$group_code <- eval(cases[[name]]$group, data)
  data$layer <- if (is.null(cases[[name]]$strata)) 0L else eval(cases[[name]]$strata, data)
  groups <- sort(unique(data$group_code))
  tests <- if (length(groups) < 2 || !sum(data$event)) list() else c(
    lapply(c(0, 1), function(rho) tested(Surv(time, event) ~ group_code, data, rho, FALSE)),
    if (length(unique(data$layer)) > 1)
      lapply(c(0, 1), function(rho) tested(Surv(time, event) ~ group_code + strata(layer), data, rho, TRUE))
  )
  list(data = name, group = I(data$group_code), layer = I(data$layer), whole = curve(data),
       by_group = lapply(groups, function(one) curve(data[data$group_code == one, ])), tests = tests)
})
write(toJSON(golden, digits = I(15), auto_unbox = TRUE, na = "null"), "tests/golden/survival_curves.json")
writeLines(capture.output(sessionInfo()), "tests/golden/survival_curves.session.txt")
