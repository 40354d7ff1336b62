# Writes mean_difference.json and mean_difference.session.txt in tests/golden with R's survival package.
# Run from the project's root:  Rscript tests/r/mean_difference.R   (Debian: r-base-core r-cran-survival r-cran-jsonlite)
#
# Means and standard errors are survfit's; difference, ratio, intervals and p-values follow the definitions of the
# package survRM2 (Uno et al., rmst2): normal, variances of independent groups added, the ratio on the log scale.
# Data as in survival_curves.R.

library(survival)
library(jsonlite)

read <- function(name) read.csv(file.path("tests/r/data", paste0(name, ".csv")))
cases <- list(
  rossi = quote(fin), veteran = quote(treatment), whas500 = quote(sho), gbsg2 = quote(as.integer(pnodes > 3)),
  scheduled_visits = quote(arm), few_events = quote(arm), larynx = quote(stage_4), all_events = quote(group)
)

mean_of <- function(data, horizon) {
  table <- survival:::survmean(survfit(Surv(time, event) ~ 1, data), rmean = horizon)$matrix
  c(mean = unname(table["rmean"]), se = unname(table["se(rmean)"]))
}

compared <- function(data, horizon) {
  m0 <- mean_of(data[data$code == 0, ], horizon)
  m1 <- mean_of(data[data$code == 1, ], horizon)
  gain <- m1["mean"] - m0["mean"]
  se <- sqrt(m0["se"]^2 + m1["se"]^2)
  log_ratio <- log(m1["mean"]) - log(m0["mean"])
  log_se <- sqrt((m0["se"] / m0["mean"])^2 + (m1["se"] / m1["mean"])^2)
  z <- qnorm(0.975)
  list(horizon = horizon, means = I(unname(c(m0["mean"], m1["mean"]))), std_errors = I(unname(c(m0["se"], m1["se"]))),
       difference = I(unname(c(gain, gain - z * se, gain + z * se))), p_difference = unname(2 * pnorm(-abs(gain / se))),
       ratio = I(unname(exp(c(log_ratio, log_ratio - z * log_se, log_ratio + z * log_se)))),
       p_ratio = unname(2 * pnorm(-abs(log_ratio / log_se))))
}

golden <- lapply(names(cases), function(name) {
  data <- read(name)
  data$code <- eval(cases[[name]], data)
  longest <- min(tapply(data$time, data$code, max))
  list(data = name, group = I(data$code), comparisons = lapply(longest * c(0.4, 0.75, 1), compared, data = data))
})
write(toJSON(golden, digits = I(15), auto_unbox = TRUE), "tests/golden/mean_difference.json")
writeLines(capture.output(sessionInfo()), "tests/golden/mean_difference.session.txt")
