#include "kolosal/transform/bayesian_ridge_internal.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

#include "kolosal/transform/decomposition_internal.hpp"
#include "kolosal/transform/matrix_internal.hpp"

namespace kolosal::transform {
namespace {

constexpr double kPrior = 1e-6;  // scikit-learn's alpha_1, alpha_2, lambda_1 and lambda_2
constexpr double kTolerance = 1e-3;
constexpr int kMostRounds = 300;

double mean_of_column(const std::vector<double>& column) {
  long double sum = 0;
  for (const double cell : column) sum += static_cast<long double>(cell);
  return column.empty() ? 0 : static_cast<double>(sum / static_cast<long double>(column.size()));
}

// The normal equations in the basis in which X^T X is diagonal.
struct Spectrum {
  std::vector<double> values;   // eigenvalues, never negative
  std::vector<double> vectors;  // one per row
  std::vector<double> target;   // X^T y in that basis

  // (X^T X + ratio)^-1 X^T y
  std::vector<double> solve(double ratio) const {
    const std::size_t n = values.size();
    std::vector<double> out(n);
    for (std::size_t k = 0; k < n; ++k) {
      const double share = target[k] / (values[k] + ratio);
      for (std::size_t i = 0; i < n; ++i) out[i] += share * vectors[k * n + i];
    }
    return out;
  }
};

double squared_error(const std::vector<std::vector<double>>& features, const std::vector<double>& y,
                     const BayesianRidge& model, double y_mean) {
  long double sum = 0;
  std::vector<double> rest(y);
  for (double& cell : rest) cell -= y_mean;
  for (std::size_t c = 0; c < features.size(); ++c)
    for (std::size_t i = 0; i < rest.size(); ++i)
      rest[i] -= model.coefficients[c] * (features[c][i] - model.centre[c]);
  for (const double cell : rest) sum += static_cast<long double>(cell) * static_cast<long double>(cell);
  return static_cast<double>(sum);
}

}  // namespace

double BayesianRidge::predict(std::span<const double> x) const {
  double out = intercept;
  for (std::size_t c = 0; c < coefficients.size(); ++c) out += coefficients[c] * x[c];
  return out;
}

double BayesianRidge::deviation(std::span<const double> x) const {
  const std::size_t n = coefficients.size();
  double variance = 1 / noise_precision;
  for (std::size_t i = 0; i < n; ++i) {
    double sum = 0;
    for (std::size_t j = 0; j < n; ++j) sum += covariance[i * n + j] * (x[j] - centre[j]);
    variance += (x[i] - centre[i]) * sum;
  }
  return std::sqrt(std::max(variance, 0.0));
}

BayesianRidge fit_bayesian_ridge(const std::vector<std::vector<double>>& features,
                                 const std::vector<double>& y, bool with_covariance, const Context& context) {
  const std::size_t n = features.size(), n_rows = y.size();
  BayesianRidge out;
  if (n_rows == 0) return out;
  for (const auto& column : features) out.centre.push_back(mean_of_column(column));
  const double y_mean = mean_of_column(y);
  // The target is the last column of the matrix: one product gives X^T X, X^T y and y^T y.
  const ColumnMatrix matrix{n_rows, n + 1,
                            [&](std::size_t c, std::size_t begin, std::size_t end, double* cells) {
                              const auto& column = c < n ? features[c] : y;
                              const double mean = c < n ? out.centre[c] : y_mean;
                              for (std::size_t i = begin; i < end; ++i) cells[i - begin] = column[i] - mean;
                            }};
  const auto gram = gram_of(matrix, context);
  if (!std::ranges::all_of(gram, [](double cell) { return std::isfinite(cell); })) return out;
  std::vector<double> inner(n * n);
  for (std::size_t i = 0; i < n; ++i)
    for (std::size_t j = 0; j < n; ++j) inner[i * n + j] = gram[i * (n + 1) + j];
  auto eigen = eigen_of(inner, n);
  Spectrum spectrum{std::move(eigen.values), std::move(eigen.vectors), std::vector<double>(n)};
  for (std::size_t k = 0; k < n; ++k) {
    spectrum.values[k] = std::max(spectrum.values[k], 0.0);
    for (std::size_t i = 0; i < n; ++i)
      spectrum.target[k] += spectrum.vectors[k * n + i] * gram[i * (n + 1) + n];
  }
  const double y_squares = gram[n * (n + 1) + n];
  const auto count = static_cast<double>(n_rows);
  double alpha = 1 / (y_squares / count + std::numeric_limits<double>::epsilon()), lambda = 1;
  std::vector<double> before;
  for (int round = 0; round < kMostRounds; ++round) {
    out.coefficients = spectrum.solve(lambda / alpha);
    const double error = squared_error(features, y, out, y_mean);
    double effective = 0, squares = 0, moved = 0;
    for (const double value : spectrum.values) effective += alpha * value / (lambda + alpha * value);
    for (std::size_t c = 0; c < n; ++c) {
      squares += out.coefficients[c] * out.coefficients[c];
      if (round > 0) moved += std::abs(before[c] - out.coefficients[c]);
    }
    lambda = (effective + 2 * kPrior) / (squares + 2 * kPrior);
    alpha = (count - effective + 2 * kPrior) / (error + 2 * kPrior);
    if (round > 0 && moved < kTolerance) break;
    before = out.coefficients;
  }
  out.coefficients = spectrum.solve(lambda / alpha);
  out.noise_precision = alpha;
  out.intercept = y_mean;
  bool finite = std::isfinite(alpha) && std::isfinite(lambda);
  for (std::size_t c = 0; c < n; ++c) {
    out.intercept -= out.coefficients[c] * out.centre[c];
    finite = finite && std::isfinite(out.coefficients[c]);
  }
  if (!finite || !std::isfinite(out.intercept)) out.coefficients.clear();
  if (!with_covariance || out.coefficients.empty()) return out;
  out.covariance.assign(n * n, 0.0);
  for (std::size_t k = 0; k < n; ++k)
    for (std::size_t i = 0; i < n; ++i)
      for (std::size_t j = 0; j < n; ++j)
        out.covariance[i * n + j] +=
            spectrum.vectors[k * n + i] * spectrum.vectors[k * n + j] / (alpha * spectrum.values[k] + lambda);
  return out;
}

}  // namespace kolosal::transform
