#include "kolosal/transform/power_internal.hpp"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <limits>
#include <tuple>
#include <utility>
#include <vector>

#include "kolosal/kernel/elementary.hpp"
#include "kolosal/kernel/multiversion.hpp"

namespace kolosal::transform {
namespace {

constexpr std::size_t kBlock = 1024;
constexpr double kDoubleEpsilon = std::numeric_limits<double>::epsilon();

KOLOSAL_KERNEL(double, sum_of, (const double* x, std::size_t n), (x, n)) {
  constexpr std::size_t kLanes = 16;
  double lanes[kLanes] = {};
  std::size_t i = 0;
  for (; i + kLanes <= n; i += kLanes)
    for (std::size_t lane = 0; lane < kLanes; ++lane) lanes[lane] += x[i + lane];
  double sum = 0;
  for (; i < n; ++i) sum += x[i];
  for (const double lane : lanes) sum += lane;
  return sum;
}

KOLOSAL_KERNEL(double, squares_around, (const double* x, std::size_t n, double mean), (x, n, mean)) {
  constexpr std::size_t kLanes = 16;
  double lanes[kLanes] = {};
  std::size_t i = 0;
  for (; i + kLanes <= n; i += kLanes)
    for (std::size_t lane = 0; lane < kLanes; ++lane) {
      const double delta = x[i + lane] - mean;
      lanes[lane] += delta * delta;
    }
  double sum = 0;
  for (; i < n; ++i) sum += (x[i] - mean) * (x[i] - mean);
  for (const double lane : lanes) sum += lane;
  return sum;
}

// Of blocks, joined by the formula of Chan et al. (1979). Unlike Moments it does not pass over infinities:
// they must show, so that a power that makes them is refused.
struct RunningVariance {
  double n = 0, mean = 0, squares = 0;

  void add(const double* x, std::size_t count) {
    const auto n_new = static_cast<double>(count);
    const double mean_new = sum_of(x, count) / n_new;
    const double delta = mean_new - mean, total = n + n_new;
    squares += squares_around(x, count, mean_new) + delta * delta * (n * n_new / total);
    mean += delta * (n_new / total);
    n = total;
  }
};

// Variance of make(block of cells), which is never stored as a whole.
template <typename Make>
double variance_after(std::span<const double> cells, const Make& make) {
  RunningVariance moments;
  double block[kBlock];
  for (std::size_t begin = 0; begin < cells.size(); begin += kBlock) {
    const std::size_t n = std::min(kBlock, cells.size() - begin);
    make(cells.data() + begin, block, n);
    moments.add(block, n);
  }
  return moments.squares / moments.n;
}

// -inf and NaN are refused: they come of a variance that is 0 or overflows.
double cost_of(double log_likelihood) {
  return std::isfinite(log_likelihood) ? -log_likelihood : std::numeric_limits<double>::infinity();
}

// Brent (1973), "Algorithms for Minimization without Derivatives", chapter 5: golden sections, and steps to
// the lowest point of the parabola through the three best points where these behave.
template <typename Function>
double minimum_between(double low, double high, double tolerance, const Function& f) {
  const double golden = (3 - std::sqrt(5.0)) / 2;
  double best = low + golden * (high - low), second = best, third = best;
  double f_best = f(best), f_second = f_best, f_third = f_best;
  double step = 0, step_before = 0;
  for (int i = 0; i < 500; ++i) {
    const double middle = (low + high) / 2;
    const double near = std::sqrt(kDoubleEpsilon) * std::abs(best) + tolerance / 3;
    if (std::abs(best - middle) <= 2 * near - (high - low) / 2) break;
    bool parabola = false;
    if (std::abs(step_before) > near) {
      const double r = (best - second) * (f_best - f_third);
      double q = (best - third) * (f_best - f_second);
      double p = (best - third) * q - (best - second) * r;
      q = 2 * (q - r);
      if (q > 0) p = -p;
      q = std::abs(q);
      if (std::abs(p) < std::abs(q * step_before / 2) && p > q * (low - best) && p < q * (high - best)) {
        step_before = step;
        step = p / q;
        parabola = true;
        if (best + step - low < 2 * near || high - (best + step) < 2 * near)
          step = best <= middle ? near : -near;
      }
    }
    if (!parabola) {
      step_before = best >= middle ? low - best : high - best;
      step = golden * step_before;
    }
    const double x = best + (std::abs(step) >= near ? step : (step > 0 ? near : -near));
    const double f_x = f(x);
    if (f_x <= f_best) {
      (x >= best ? low : high) = best;
      third = second, f_third = f_second;
      second = best, f_second = f_best;
      best = x, f_best = f_x;
    } else {
      (x < best ? low : high) = x;
      if (f_x <= f_second || second == best) {
        third = second, f_third = f_second;
        second = x, f_second = f_x;
      } else if (f_x <= f_third || third == best || third == second) {
        third = x, f_third = f_x;
      }
    }
  }
  return best;
}

constexpr double kLambdaTolerance = 1.48e-8;  // SciPy's

// Where the parabola through f at x - h, x and x + h is lowest; NaN where it has no lowest point.
template <typename Function>
double lowest_of_parabola(double x, double h, const Function& f) {
  const double left = f(x - h), right = f(x + h), bend = left - 2 * f(x) + right;
  return bend > 0 && std::isfinite(bend) ? x + h * (left - right) / (2 * bend)
                                         : std::numeric_limits<double>::quiet_NaN();
}

struct Logs {
  explicit Logs(std::span<const double> of) : cells(of), sum(sum_of(of.data(), of.size())) {}
  std::span<const double> cells;
  double sum;
};

// The lambda of least cost(logs, lambda) between low and high. Of many cells, a sample tells about where it
// is, and parabolas of all cells where exactly: mostly 6 passes in the place of Brent's 10 to 25. A parabola
// through points h apart whose lowest point is d from the middle is wrong by about h^2 + d^2 in units of the
// reciprocal of the deviation of the logarithms, here less than 1e-7. What does not go so is searched for by
// Brent's method.
template <typename Cost>
double likeliest_lambda(const Logs& logs, double low, double high, const Cost& cost) {
  const auto of_all = [&](double lambda) { return cost(logs, lambda); };
  constexpr std::size_t kSample = 1 << 14;
  if (logs.cells.size() >= 8 * kSample) {
    std::vector<double> cells(kSample);
    for (std::size_t i = 0; i < kSample; ++i) cells[i] = logs.cells[i * logs.cells.size() / kSample];
    const Logs sample(cells);
    const double unit = 1 / std::max(1.0, spread_of(cells).deviation);
    const double wide = 0.02 * unit, narrow = 2e-4 * unit;
    const double about =
        minimum_between(low, high, kLambdaTolerance, [&](double lambda) { return cost(sample, lambda); });
    if (about - 10 * wide > low && about + 10 * wide < high) {
      double near = lowest_of_parabola(about, wide, of_all);
      for (int i = 0; i < 3 && std::abs(near - about) < 5 * wide; ++i) {
        const double before = std::exchange(near, lowest_of_parabola(near, narrow, of_all));
        if (std::abs(near - before) < narrow) return near;
      }
    }
  }
  return minimum_between(low, high, kLambdaTolerance, of_all);
}

}  // namespace

Spread spread_of(std::span<const double> cells) {
  if (cells.empty()) return {};
  RunningVariance moments;
  for (std::size_t begin = 0; begin < cells.size(); begin += kBlock)
    moments.add(cells.data() + begin, std::min(kBlock, cells.size() - begin));
  const double variance = moments.squares / moments.n;
  // scikit-learn's bound for what rounding alone gives (utils/_extmath, _is_constant_feature).
  const double drift = moments.n * moments.mean * kDoubleEpsilon;
  Spread out{moments.mean, std::sqrt(variance), false};
  out.is_constant = !(variance > moments.n * kDoubleEpsilon * variance + drift * drift);
  return out;
}

double yeo_johnson_lambda(std::span<const double> cells) {
  if (spread_of(cells).is_constant) return 1;
  std::vector<double> logs(cells.size());
  kernel::signed_log1p(cells.data(), logs.data(), logs.size());
  const auto [least, most] = std::ranges::minmax(cells);
  const double magnitude = std::max(std::abs(least), std::abs(most));
  const double log_most =
      magnitude < 1e300 ? std::log1p(20 * magnitude) : std::log(20.0) + std::log(magnitude);
  const double log_epsilon = std::log(kDoubleEpsilon);
  double low = (std::log(std::numeric_limits<double>::min()) - log_epsilon) / 2 / log_most;
  double high = (std::log(std::numeric_limits<double>::max()) + log_epsilon) / 2 / log_most;
  if (most < 0) {
    std::tie(low, high) = std::pair(2 - high, 2 - low);
  } else if (least < 0) {
    std::tie(low, high) = std::pair(std::max(2 - high, low), std::min(2 - low, high));
  }
  return likeliest_lambda(Logs(logs), low, high, [](const Logs& some, double lambda) {
    const double variance = variance_after(some.cells, [&](const double* in, double* out, std::size_t count) {
      kernel::yeo_johnson_of_log(in, lambda, out, count);
    });
    if (!(variance >= std::numeric_limits<double>::min())) return cost_of(std::log(0.0));
    const auto n = static_cast<double>(some.cells.size());
    return cost_of(-n / 2 * std::log(variance) + (lambda - 1) * some.sum);
  });
}

double box_cox_lambda(std::span<const double> cells) {
  if (spread_of(cells).is_constant) return 1;
  std::vector<double> logs(cells.size());
  kernel::log(cells.data(), logs.data(), logs.size());
  // Divided by the geometric mean the cells have the same best power, and the likelihood is the variance
  // alone.
  const double mean = sum_of(logs.data(), logs.size()) / static_cast<double>(logs.size());
  const auto [least, most] = std::ranges::minmax(logs);
  const double widest = std::max(most - mean, mean - least);
  if (!(widest > 0)) return 1;
  for (double& cell : logs) cell -= mean;
  // The squares of the transformed cells are numbers, with and without the mean: exp(2 * 340) is one.
  constexpr double kMostLog = 340;
  const double low = -kMostLog / std::max(widest, -least), high = kMostLog / std::max(widest, most);
  return likeliest_lambda(Logs(logs), low, high, [](const Logs& some, double lambda) {
    const double variance = variance_after(some.cells, [&](const double* in, double* out, std::size_t count) {
      kernel::power_of_log(in, lambda, out, count);
    });
    return cost_of(-std::log(variance));
  });
}

}  // namespace kolosal::transform
