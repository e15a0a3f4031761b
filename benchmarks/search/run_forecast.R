# R's forecast::auto.arima, default or with --exact (no approximation); the same lines as protocol.py.
suppressWarnings(suppressPackageStartupMessages(library(forecast)))

numbers <- function(values) {
  if (length(values) == 0) return("[]")
  paste0("[", paste(sprintf("%.17g", values), collapse = ","), "]")
}

one <- function(value) if (is.finite(value)) sprintf("%.17g", value) else "NaN"

lags <- function(coefficients, letters, count) {
  if (count == 0) return(numeric(0))
  unname(coefficients[paste0(letters, seq_len(count))])
}

search <- function(task, exact) {
  series <- ts(task$values, frequency = max(task$season, 1))
  # Without approximation where asked; else the package decides by the length of the series.
  if (exact) {
    auto.arima(series, d = task$d, D = task$seasonal_d, approximation = FALSE)
  } else {
    auto.arima(series, d = task$d, D = task$seasonal_d)
  }
}

reply <- function(task, model, forecast, spent) {
  shape <- model$arma # p, q, P, Q, m, d, D
  numbers_of <- model$coef
  mean <- "null"
  if ("drift" %in% names(numbers_of)) {
    # A drift adds up over a season.
    mean <- one(numbers_of[["drift"]] * if (shape[7] > 0) shape[5] else 1)
  } else if ("intercept" %in% names(numbers_of)) {
    mean <- one(numbers_of[["intercept"]])
  }
  sprintf(
    paste0(
      '{"name": "%s", "cpu_s": %s, "order": %s, "ar": %s, "ma": %s, "seasonal_ar": %s, "seasonal_ma": %s, ',
      '"mean": %s, "log_likelihood": %s, "aicc": %s, "forecast": %s, "error": null}'
    ),
    task$name, one(spent), numbers(shape[c(1, 6, 2, 3, 7, 4, 5)]),
    numbers(lags(numbers_of, "ar", shape[1])), numbers(lags(numbers_of, "ma", shape[2])),
    numbers(lags(numbers_of, "sar", shape[3])), numbers(lags(numbers_of, "sma", shape[4])),
    mean, one(model$loglik), one(model$aicc), numbers(forecast)
  )
}

free <- function(text) if (text == "auto") NA else as.integer(text)

arguments <- commandArgs(trailingOnly = TRUE)
exact <- "--exact" %in% arguments
for (line in readLines(arguments[length(arguments)])) {
  fields <- strsplit(line, "\t")[[1]]
  task <- list(
    name = fields[1], season = as.integer(fields[2]), horizon = as.integer(fields[3]),
    d = free(fields[4]), seasonal_d = free(fields[5]),
    values = suppressWarnings(as.numeric(strsplit(fields[6], ",")[[1]]))
  )
  began <- proc.time()
  text <- tryCatch(
    {
      model <- suppressWarnings(search(task, exact))
      mean <- as.numeric(forecast(model, h = task$horizon)$mean)
      spent <- proc.time() - began
      reply(task, model, mean, spent[["user.self"]] + spent[["sys.self"]])
    },
    error = function(error) {
      spent <- proc.time() - began
      sprintf(
        '{"name": "%s", "cpu_s": %s, "error": "%s"}', task$name,
        one(spent[["user.self"]] + spent[["sys.self"]]), gsub('[^A-Za-z0-9 .,:=]', " ", conditionMessage(error))
      )
    }
  )
  cat(text, "\n", sep = "")
  flush(stdout())
}
