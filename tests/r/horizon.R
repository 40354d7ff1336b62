# Writes horizon.json and horizon.session.txt in tests/golden with R's survival package.
# Run from the project's root:  Rscript tests/r/horizon.R   (Debian: r-base-core r-cran-survival r-cran-jsonlite)
#
# At each horizon: Kaplan-Meier risk of both groups of several cuts with log-log limits; sensitivity and specificity by
# Bayes' rule from them, their limits on the logit scale by the delta method with R's derivatives; weights of known states
# (rttright); area under the ROC curve, by concordance() of the state with those weights; Brier score of a Cox model's
# predictions with the same weights (as survival::brier of later versions) and of the Kaplan-Meier prediction;
# calibration by groups of predicted risk, observed / expected, slope.
# The predictions are written out, so that the comparison does not rest on a Cox fit.

library(survival)
library(jsonlite)

cases <- list(
  rossi = list(marker = quote(-age), model = Surv(time, event) ~ fin + age + prio, horizons = c(20, 40, 52)),
  veteran = list(marker = quote(-karnofsky), model = Surv(time, event) ~ karnofsky + age, horizons = c(60, 180, 400)),
  whas500 = list(marker = quote(age), model = Surv(time, event) ~ age + bmi + hr, horizons = c(365, 730, 1460)),
  gbsg2 = list(marker = quote(pnodes), model = Surv(time, event) ~ pnodes + tsize, horizons = c(730, 1460, 2190)),
  scheduled_visits = list(marker = quote(sldr), model = Surv(time, event) ~ sldr + dlog_cga, horizons = c(23, 47, 71)),
  few_events = list(marker = quote(sldr), model = Surv(time, event) ~ sldr, horizons = c(11, 23)),
  heavy_censoring = list(marker = quote(group), horizons = c(5, 9))
)

risk_at <- function(time, event, horizon) {
  if (!length(time)) return(list(risk = NA, low = NA, high = NA, variance = NA))
  curve <- survfit(Surv(time, event) ~ 1, conf.type = "log-log")
  if (max(time) < horizon && min(curve$surv) > 0) return(list(risk = NA, low = NA, high = NA, variance = NA))
  at <- summary(curve, times = horizon, extend = TRUE)
  # Before the first time of a curve R says 1 with limits 1 and 1, after it no limits: no limits for both.
  if (at$surv == 1) return(list(risk = 0, low = NA, high = NA, variance = 0))
  list(risk = 1 - at$surv, low = 1 - at$upper, high = 1 - at$lower, variance = (at$std.err / at$surv)^2)
}

bayes <- list(
  sensitivity = quote(share * high / (share * high + (1 - share) * low)),
  specificity = quote((1 - share) * (1 - low) / ((1 - share) * (1 - low) + share * (1 - high)))
)

by_bayes <- function(share, n, high, low) lapply(bayes, function(formula) {
  at <- list(share = share, high = high$risk, low = low$risk)
  if (any(is.na(at)) || any(at <= 0) || any(at >= 1)) return(list(value = NA, low = NA, high = NA))
  value <- eval(formula, at)
  slope <- sapply(names(at), function(name) eval(D(formula, name), at)) / (value * (1 - value))
  variances <- c(share * (1 - share) / n, high$variance * (1 - high$risk)^2, low$variance * (1 - low$risk)^2)
  reach <- qnorm(0.975) * sqrt(sum(slope^2 * variances))
  list(value = value, low = plogis(qlogis(value) - reach), high = plogis(qlogis(value) + reach))
})

cut_at <- function(data, cut, horizon) {
  above <- data$marker > cut
  high <- risk_at(data$time[above], data$event[above], horizon)
  low <- risk_at(data$time[!above], data$event[!above], horizon)
  list(cut = cut, n_high = sum(above), high = high[1:3], low = low[1:3],
       bayes = by_bayes(mean(above), nrow(data), high, low))
}

at_horizon <- function(data, horizon, survival) {
  weight <- rttright(Surv(time, event) ~ 1, data, times = horizon, timefix = FALSE)
  case <- as.integer(data$event == 1 & data$time <= horizon)
  known <- weight > 0
  found <- list(horizon = horizon, weight = I(unname(weight)), everybody = risk_at(data$time, data$event, horizon)[1:3],
                cuts = lapply(unique(unname(quantile(data$marker, c(0.1, 0.35, 0.5, 0.75, 0.9), type = 1))),
                              function(cut) cut_at(data, cut, horizon)))
  if (sum(case[known]) > 0 && sum(1 - case[known]) > 0)
    found$auc <- unname(concordance(case ~ marker, data = cbind(data, case = case)[known, ],
                                    weights = weight[known])$concordance)
  if (!is.null(survival)) {
    null <- summary(survfit(Surv(time, event) ~ 1, data), times = horizon)$surv
    error <- sum(weight * ((1 - case) - survival)^2) / nrow(data)
    of_null <- sum(weight * ((1 - case) - null)^2) / nrow(data)
    risk <- 1 - survival
    group <- rank(risk, ties.method = "average") - 0.5
    group <- pmin(floor(group / nrow(data) * 5), 4)
    slope <- coxph(Surv(pmin(time, horizon), case) ~ log(-log(1 - risk)), data)
    found <- c(found, list(
      survival = I(survival), brier = error, brier_null = of_null, scaled = 1 - error / of_null,
      calibration = lapply(sort(unique(group)), function(one)
        c(list(n = sum(group == one), predicted = mean(risk[group == one])),
          risk_at(data$time[group == one], data$event[group == one], horizon)[1:3])),
      observed_to_expected = setNames(lapply(found$everybody, function(x) x / mean(risk)), c("value", "low", "high")),
      slope = list(value = unname(coef(slope)), std_error = sqrt(unname(vcov(slope)[1, 1])))
    ))
  }
  found
}

golden <- lapply(names(cases), function(name) {
  case <- cases[[name]]
  data <- read.csv(file.path("tests/r/data", paste0(name, ".csv")))
  data$marker <- eval(case$marker, data)
  predicted <- NULL
  if (!is.null(case$model)) {
    fit <- do.call(coxph, list(case$model, data = data))
    curves <- survfit(fit, newdata = data)
    predicted <- matrix(summary(curves, times = case$horizons)$surv, nrow = length(case$horizons))
    predicted <- signif(predicted, 8)
  }
  list(data = name, marker = I(data$marker), horizons = lapply(seq_along(case$horizons), function(k)
    at_horizon(data, case$horizons[k], if (is.null(predicted)) NULL else predicted[k, ])))
})
write(toJSON(golden, digits = I(15), auto_unbox = TRUE, na = "null"), "tests/golden/horizon.json")
writeLines(capture.output(sessionInfo()), "tests/golden/horizon.session.txt")
