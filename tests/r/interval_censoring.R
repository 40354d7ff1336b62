# Writes interval_censoring.json and interval_censoring.session.txt in tests/golden with R's survival package.
# Run from the project's root:  Rscript tests/r/interval_censoring.R
# (Debian: r-base-core r-cran-survival r-cran-jsonlite)
#
#   intervals   made: 120 patients of two arms; progression between scheduled scans, deaths on their day, censoring
#   coarse      the same without the deaths' days and with scans at whole weeks: few innermost intervals
# survfit's Turnbull estimate stops when a round of EM moves the curve by less than 5e-5, so it is given for comparison
# only. "precise" is the same EM written out and run until it moves by less than 1e-14.

library(survival)
library(jsonlite)

intervals <- read.csv("tests/r/data/intervals.csv")
intervals$right[is.na(intervals$right)] <- Inf
coarse <- intervals
exact <- coarse$left == coarse$right
coarse$left[exact] <- pmax(coarse$left[exact] - 12, 0)
coarse$left <- 12 * floor(coarse$left / 12)
coarse$right <- 12 * ceiling(coarse$right / 12)
coarse$right <- pmax(coarse$right, coarse$left + 12)

survival_at <- function(fit, times) c(1, fit$surv)[findInterval(times, fit$time) + 1]

turnbull <- function(data, times) {
  # Every interval between neighbouring ends and every exact time is a candidate; EM empties those with no mass.
  ends <- sort(unique(c(0, data$left, data$right)))
  exact <- sort(unique(data$left[data$left == data$right]))
  low <- c(head(ends, -1), exact)
  high <- c(tail(ends, -1), exact)
  holds <- outer(seq_len(nrow(data)), seq_along(low), function(i, j) {
    point <- low[j] == high[j]
    own <- data$left[i] == data$right[i]
    ifelse(own, point & low[j] == data$left[i],
           ifelse(point, low[j] > data$left[i] & low[j] <= data$right[i],
                  low[j] >= data$left[i] & high[j] <= data$right[i]))
  })
  mass <- rep(1 / length(low), length(low))
  repeat {
    moved <- mass * colMeans(holds / as.vector(holds %*% mass))
    far <- max(abs(moved - mass))
    mass <- moved
    if (far < 1e-14) break
  }
  list(survival = I(sapply(times, function(time) sum(mass[low >= time & high > time]))),
       log_likelihood = sum(log(holds %*% mass)))
}

one <- function(data) {
  fit <- survfit(Surv(ifelse(data$left == 0 & data$right < Inf, NA, data$left), ifelse(is.finite(data$right), data$right, NA),
                      type = "interval2") ~ 1)
  # The curve is defined at ends of intervals: not within them.
  times <- sort(unique(c(data$left, data$right[is.finite(data$right)])))
  c(list(n = nrow(data), times = I(times), survfit = I(survival_at(fit, times))), turnbull(data, times))
}

midpoint <- function(data) {
  seen <- is.finite(data$right)
  time <- ifelse(seen, (data$left + data$right) / 2, data$left)
  test <- survdiff(Surv(time, seen) ~ data$arm)
  fit <- survfit(Surv(time, seen) ~ data$arm)
  list(chi2 = test$chisq, p = test$pvalue, median = I(unname(quantile(fit, 0.5)$quantile[, 1])))
}

golden <- lapply(list(intervals = intervals, coarse = coarse), function(data)
  list(left = I(data$left), right = I(ifelse(is.finite(data$right), data$right, NA)), arm = I(data$arm),
       groups = c(list(one(data)), lapply(0:1, function(arm) one(data[data$arm == arm, ]))), midpoint = midpoint(data)))
write(toJSON(golden, digits = I(15), auto_unbox = TRUE, na = "null"), "tests/golden/interval_censoring.json")
writeLines(capture.output(sessionInfo()), "tests/golden/interval_censoring.session.txt")
