# Writes subgroups.json and subgroups.session.txt in tests/golden with R's survival package.
# Run from the project's root:  Rscript tests/r/subgroups.R   (Debian: r-base-core r-cran-survival r-cran-jsonlite)
#
# A Cox model (Efron ties) of the group in every level, and the likelihood-ratio test of the models with and without
# group x covariate. Data as in survival_curves.R; labels are made here from their columns.

library(survival)
library(jsonlite)

read <- function(name) read.csv(file.path("tests/r/data", paste0(name, ".csv")))
third <- function(x) cut(x, c(-Inf, quantile(x, c(1, 2) / 3), Inf), c("low", "middle", "high"))
above <- function(x) factor(ifelse(x > median(x), "above", "up to"), c("up to", "above"))
cases <- list(
  rossi = function(d) list(group = d$fin, age = above(d$age), prior = third(d$prio)),
  veteran = function(d) list(group = d$treatment, score = third(d$karnofsky), age = above(d$age)),
  whas500 = function(d) list(group = d$sho, age = above(d$age), bmi = third(d$bmi), rate = third(d$hr)),
  gbsg2 = function(d) list(group = as.integer(d$pnodes > 3), age = above(d$age), size = third(d$tsize)),
  scheduled_visits = function(d) list(group = d$arm, size = above(d$sldr), cga = third(d$dlog_cga))
)

control <- coxph.control(eps = 1e-12, toler.chol = 1e-13)

ratio <- function(data) {
  fit <- summary(coxph(Surv(time, event) ~ group, data, control = control))
  list(n = I(as.vector(table(factor(data$group, 0:1)))), events = I(as.vector(tapply(data$event, factor(data$group, 0:1), sum))),
       hr = fit$conf.int[1, "exp(coef)"], low = fit$conf.int[1, "lower .95"], high = fit$conf.int[1, "upper .95"])
}

golden <- lapply(names(cases), function(name) {
  data <- read(name)
  labels <- cases[[name]](data)
  data$group <- labels$group
  covariates <- lapply(setdiff(names(labels), "group"), function(covariate) {
    data$label <- labels[[covariate]]
    if (covariate == "age") data$label[seq(5, nrow(data), 7)] <- NA
    known <- data[!is.na(data$label), ]
    test <- anova(coxph(Surv(time, event) ~ group + label, known, control = control),
                  coxph(Surv(time, event) ~ group * label, known, control = control))
    list(name = covariate, labels = I(as.character(data$label)), levels = I(levels(data$label)),
         subgroups = lapply(levels(data$label), function(one) ratio(known[known$label == one, ])),
         chi2 = test$Chisq[2], df = test$Df[2], p = test[["Pr(>|Chi|)"]][2])
  })
  list(data = name, group = I(data$group), overall = ratio(data), covariates = covariates)
})
write(toJSON(golden, digits = I(15), auto_unbox = TRUE, na = "null"), "tests/golden/subgroups.json")
writeLines(capture.output(sessionInfo()), "tests/golden/subgroups.session.txt")
