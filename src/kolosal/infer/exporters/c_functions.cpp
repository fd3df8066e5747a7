#include "kolosal/infer/exporters/c_functions.hpp"

#include <fmt/ranges.h>

#include "kolosal/infer/exporters/operation_names.hpp"
#include "kolosal/kernel/normal_quantile_terms.hpp"

namespace kolosal::infer::exporters {

std::string c_cell_function(CellFunction function) { return fmt::format("cell_{}", function_name(function)); }
std::string c_row_function(RowFunction function) { return fmt::format("row_{}", function_name(function)); }

std::size_t n_cell_parameters(CellFunction function) {
  switch (function) {
    case CellFunction::kFill:
    case CellFunction::kFillNan:
    case CellFunction::kSine:
    case CellFunction::kCosine:
    case CellFunction::kYeoJohnson:
    case CellFunction::kBoxCox:
    case CellFunction::kAbove:
    case CellFunction::kQuotient:
      return 1;
    case CellFunction::kClip:
    case CellFunction::kRamp:
      return 2;
    case CellFunction::kScale:
      return 3;
    default:
      return 0;
  }
}

namespace {

/// The standard normal number of a probability (kernel/normal_quantile_terms.hpp).
std::string normal_of_rank_function() {
  namespace terms = kernel::normal_quantile_terms;
  const auto array = [](const char* name, std::span<const double> values) {
    return fmt::format("  static const double {}[8] = {{{:.17g}}};\n", name, fmt::join(values, ", "));
  };
  return "static double cell_normal_of_rank(double p) {\n" + array("middle_over", terms::kMiddleOver) +
         array("middle_under", terms::kMiddleUnder) + array("tail_over", terms::kTailOver) +
         array("tail_under", terms::kTailUnder) +
         fmt::format(R"(  const double most = {:.17g}, q = p - 0.5;
  const int is_tail = fabs(q) > {:.17g};
  const double* over = is_tail ? tail_over : middle_over;
  const double* under = is_tail ? tail_under : middle_under;
  double x, a, b;
  int i;
  if (isnan(p)) return p;
  if (p < 1e-8) return -most;
  if (p > 1.0 - 1e-8) return most;
  x = is_tail ? sqrt(-log(q < 0.0 ? p : 1.0 - p)) - {:.17g} : {:.17g} - q * q;
  a = over[7];
  b = under[7];
  for (i = 6; i >= 0; --i) {{
    a = a * x + over[i];
    b = b * x + under[i];
  }}
  x = is_tail ? (q < 0.0 ? -a / b : a / b) : q * a / b;
  return x < -most ? -most : x > most ? most : x;
}}

)",
                     kMostNormal, terms::kMiddle, terms::kTailRoot, terms::kMiddleSquare);
}

}  // namespace

const std::vector<std::pair<std::string_view, std::string_view>>& c_functions() {
  static const std::string normal_of_rank = normal_of_rank_function();
  static const std::vector<std::pair<std::string_view, std::string_view>> functions = {
      {"code_number", R"(/* A level as trees read it. */
static double code_number(int code) { return code < 0 ? NAN : (double)code; }

)"},
      {"find_level", R"(/* The code of a text: -1 missing, -2 unknown. names: in rising order. */
static int find_level(const char* text, const char* const* names, const int* codes, size_t n) {
  size_t low = 0, high = n;
  if (!text) return -1;
  while (low < high) {
    const size_t middle = low + (high - low) / 2;
    const int order = strcmp(names[middle], text);
    if (order == 0) return codes[middle];
    if (order < 0) low = middle + 1;
    else high = middle;
  }
  return -2;
}

)"},
      {"one_hot", R"(static void one_hot(int at, double* out, size_t n) {
  memset(out, 0, n * sizeof(double));
  if (at >= 0) out[at] = 1.0;
}

)"},
      {"cell_whole", R"(static double cell_whole(double x) {
  if (!isfinite(x)) return NAN;
  return x < 0 ? -floor(-x + 0.5) : floor(x + 0.5);
}

)"},
      {"cell_fill", R"(static double cell_fill(double x, double value) { return isfinite(x) ? x : value; }

)"},
      {"cell_fill_nan",
       R"(static double cell_fill_nan(double x, double value) { return isnan(x) ? value : x; }

)"},
      {"cell_is_not_finite", R"(static double cell_is_not_finite(double x) { return isfinite(x) ? 0.0 : 1.0; }

)"},
      {"cell_is_nan", R"(static double cell_is_nan(double x) { return isnan(x) ? 1.0 : 0.0; }

)"},
      {"cell_scale", R"(static double cell_scale(double x, double centre, double scale, double clip) {
  const double z = (x - centre) / scale;
  if (clip <= 0) return z;
  return z < -clip ? -clip : (z > clip ? clip : z);
}

)"},
      {"cell_clip", R"(static double cell_clip(double x, double low, double high) {
  return x < low ? low : (x > high ? high : x);
}

)"},
      {"cell_log1p", R"(static double cell_log1p(double x) { return x <= -1 ? NAN : log1p(x); }

)"},
      {"cell_signed_log1p",
       R"(static double cell_signed_log1p(double x) { return copysign(log1p(fabs(x)), x); }

)"},
      {"cell_float32", R"(static double cell_float32(double x) { return (double)(float)x; }

)"},
      {"cell_float32_bounded", R"(static double cell_float32_bounded(double x) {
  const double most = 3.4028234663852886e38;
  if (isfinite(x)) x = x > most ? most : (x < -most ? -most : x);
  return (double)(float)x;
}

)"},
      {"cell_zero_as_missing",
       R"(static double cell_zero_as_missing(double x) { return fabs(x) <= 1e-35 ? NAN : x; }

)"},
      {"cell_minus", R"(static double cell_minus(double x, double y) { return isfinite(x - y) ? x - y : NAN; }

)"},
      {"cell_plus", R"(static double cell_plus(double x, double y) { return isfinite(x + y) ? x + y : NAN; }

)"},
      {"cell_times", R"(static double cell_times(double x, double y) { return isfinite(x * y) ? x * y : NAN; }

)"},
      {"cell_over", R"(static double cell_over(double x, double y) {
  return y != 0 && isfinite(x / y) ? x / y : NAN;
}

)"},
      {"cell_over_reversed", R"(static double cell_over_reversed(double x, double y) {
  return x != 0 && isfinite(y / x) ? y / x : NAN;
}

)"},
      {"cell_or", R"(static double cell_or(double x, double y) { return isfinite(x) ? x : y; }

)"},
      {"cell_yeo_johnson", R"(static double cell_yeo_johnson(double x, double power) {
  const double p = x < 0 ? 2.0 - power : power;
  const double size = p == 0 ? log1p(fabs(x)) : expm1(p * log1p(fabs(x))) / p;
  return x < 0 ? -size : size;
}

)"},
      {"cell_above",
       R"(static double cell_above(double x, double limit) { return isnan(x) ? x : (x > limit ? 1.0 : 0.0); }

)"},
      {"cell_quotient",
       R"(static double cell_quotient(double x, double divisor) { return floor(x / divisor); }

)"},
      {"cell_box_cox", R"(static double cell_box_cox(double x, double power) {
  if (!(x > 0)) return NAN;
  return power == 0 ? log(x) : expm1(power * log(x)) / power;
}

)"},
      {"cell_ramp", R"(static double cell_ramp(double x, double start, double width) {
  const float place = ((float)x - (float)start) / (float)width;
  return place > 0 ? (place < 1 ? (double)place : 1.0) : 0.0;
}

)"},
      {"cell_sine", R"(static double cell_sine(double x, double frequency) {
  const float turn = (float)frequency * (float)x;
  return sin(6.283185307179586 * (double)turn);
}

)"},
      {"cell_cosine", R"(static double cell_cosine(double x, double frequency) {
  const float turn = (float)frequency * (float)x;
  return cos(6.283185307179586 * (double)turn);
}

)"},
      {"cell_sine_of_turns",
       R"(static double cell_sine_of_turns(double x) { return sin(6.283185307179586 * x); }

)"},
      {"cell_cosine_of_turns",
       R"(static double cell_cosine_of_turns(double x) { return cos(6.283185307179586 * x); }

)"},
      {"cell_normal_of_rank", normal_of_rank},
      {"rank",
       R"(/* The rank of x among n rising points, from 0 to 1. */
static double rank(double x, const double* points, const double* at, const double* start, const double* slope, size_t n,
                   double margin) {
  size_t low = 0, high = n;
  if (isnan(x)) return x;
  if (x - margin < points[0] || (margin == 0.0 && x == points[0])) return 0.0;
  if (x + margin > points[n - 1] || x == points[n - 1]) return 1.0;
  while (high - low > 1) {
    const size_t middle = low + (high - low) / 2;
    if (points[middle] <= x) low = middle;
    else high = middle;
  }
  return x == points[low] ? at[low] : start[low] + (x - points[low]) * slope[low];
}

)"},
      {"walk_trees",
       R"(/* threshold, feature, left, right (below 0: leaf ~n), flags (1: a set of levels, 2: missing goes left, 4: 0 is
   missing, 8 times the words of the set), first word of the set. */
struct node {
  double threshold;
  int feature, left, right, flags, word;
};

static int goes_left(const struct node* n, const unsigned* words, double x) {
  if (n->flags & 1) {
    const unsigned code = x > 0 && x < 2147483647.0 ? (unsigned)x : 0u;
    if (!(x > -1.0)) return (n->flags & 2) != 0;
    if (x >= 32.0 * (n->flags >> 3)) return 0;
    return (int)((words[(unsigned)n->word + code / 32u] >> (code % 32u)) & 1u);
  }
  if (isnan(x) || ((n->flags & 4) && fabs(x) <= 1e-35)) return (n->flags & 2) != 0;
  return x <= n->threshold;
}

static void walk_trees(const struct node* nodes, const unsigned* words, const int* roots, const int* outputs,
                       const double* leaves, size_t n_trees, size_t width, const double* x, double* sums) {
  size_t t, k;
  for (t = 0; t < n_trees; ++t) {
    int at = roots[t];
    while (at >= 0) at = goes_left(nodes + at, words, x[nodes[at].feature]) ? nodes[at].left : nodes[at].right;
    if (width == 1) {
      sums[outputs ? outputs[t] : 0] += leaves[~at];
    } else {
      for (k = 0; k < width; ++k) sums[k] += leaves[(size_t)(~at) * width + k];
    }
  }
}

)"},
      {"add_linear",
       R"(static void add_linear(const double* v, const int* features, const double* coefficients, size_t n, size_t width,
                       double* sums) {
  size_t i, k;
  for (i = 0; i < n; ++i)
    for (k = 0; k < width; ++k) sums[k] += v[features[i]] * coefficients[i * width + k];
}

)"},
      {"network_layer",
       R"(static void network_layer(const double* from, size_t n_in, size_t n_out, const float* weights, const float* factor,
                          const float* shift, int normalizes, double* to) {
  size_t i, j;
  double mean = 0.0, variance = 0.0;
  for (j = 0; j < n_out; ++j) to[j] = 0.0;
  for (i = 0; i < n_in; ++i)
    if (from[i] != 0.0)
      for (j = 0; j < n_out; ++j) to[j] += from[i] * (double)weights[i * n_out + j];
  if (normalizes) {
    for (j = 0; j < n_out; ++j) mean += to[j] / (double)n_out;
    for (j = 0; j < n_out; ++j) variance += (to[j] - mean) * (to[j] - mean) / (double)n_out;
    for (j = 0; j < n_out; ++j) to[j] = (to[j] - mean) / sqrt(variance + 1e-5);
  }
  for (j = 0; j < n_out; ++j) {
    const double z = (factor ? (double)factor[j] : 1.0) * to[j] + (double)shift[j];
    to[j] = factor ? z / (1.0 + exp(-z)) : z;
  }
}

)"},
      {"neighbours",
       R"(/* Mean squared difference of a row to a point over what both have; levels that differ count 1. Below 0: nothing. */
static double neighbour_distance(const double* x, size_t n_numbers, const int* level, size_t n_levels,
                                 const double* cells, const int* codes, size_t n, size_t point) {
  size_t f, count = 0;
  double sum = 0.0;
  for (f = 0; f < n_numbers; ++f) {
    const double rest = x[f] - cells[f * n + point];
    if (isnan(rest)) continue;
    sum += rest * rest;
    ++count;
  }
  for (f = 0; f < n_levels; ++f) {
    const int code = codes[f * n + point];
    if (level[f] == -1 || code == -1) continue;
    sum += level[f] == code ? 0.0 : 1.0;
    ++count;
  }
  return count > 0 ? sum / (double)count : -1.0;
}

/* votes: width + 1 of each point, what they are divided by last. nearest: k numbers, work: 2 (width + 1). Points exactly
   as far as number k share the places that are left. */
static void neighbours(const double* x, size_t n_numbers, const int* level, size_t n_levels, const double* cells,
                       const int* codes, const double* votes, size_t n, size_t k, int by_distance,
                       const double* otherwise, size_t width, double* nearest, double* work, double* out) {
  double* const tied = work + width + 1;
  size_t p, i, j, n_known = 0, n_nearer = 0, n_tied = 0;
  double last, share;
  for (p = 0; p < n; ++p) {
    const double d = neighbour_distance(x, n_numbers, level, n_levels, cells, codes, n, p);
    if (d < 0.0 || (n_known == k && d >= nearest[k - 1])) continue;
    i = n_known < k ? n_known++ : k - 1;
    for (; i > 0 && nearest[i - 1] > d; --i) nearest[i] = nearest[i - 1];
    nearest[i] = d;
  }
  for (j = 0; j < width; ++j) out[j] = otherwise[j];
  if (n_known == 0) return;
  last = nearest[n_known - 1];
  for (j = 0; j < 2 * (width + 1); ++j) work[j] = 0.0;
  for (p = 0; p < n; ++p) {
    const double d = neighbour_distance(x, n_numbers, level, n_levels, cells, codes, n, p);
    double weight = 1.0;
    if (d < 0.0 || d > last) continue;
    if (by_distance) weight = nearest[0] == 0.0 ? (d == 0.0 ? 1.0 : 0.0) : sqrt(nearest[0] / d);
    if (d < last)
      ++n_nearer;
    else
      ++n_tied;
    for (j = 0; j <= width; ++j) (d < last ? work : tied)[j] += weight * votes[p * (width + 1) + j];
  }
  share = (double)(n_known - n_nearer) / (double)n_tied;
  for (j = 0; j <= width; ++j) work[j] += share * tied[j];
  for (j = 0; j < width && work[width] > 0.0; ++j) out[j] = work[j] / work[width];
}

)"},
      {"row_sigmoid", R"(static void row_sigmoid(double* x, size_t n) {
  size_t i;
  for (i = 0; i < n; ++i) {
    const double e = exp(-fabs(x[i]));
    x[i] = x[i] >= 0 ? 1.0 / (1.0 + e) : e / (1.0 + e);
  }
}

)"},
      {"row_softmax", R"(static void row_softmax(double* x, size_t n) {
  size_t i;
  double top = x[0], sum = 0.0;
  for (i = 1; i < n; ++i)
    if (x[i] > top) top = x[i];
  for (i = 0; i < n; ++i) sum += x[i] = exp(x[i] - top);
  for (i = 0; i < n; ++i) x[i] /= sum;
}

)"},
      {"row_exp", R"(static void row_exp(double* x, size_t n, const double* most) {
  size_t i;
  for (i = 0; i < n; ++i) x[i] = exp(x[i] < most[0] ? x[i] : most[0]);
}

)"},
      {"row_focal", R"(/* The logistic of the log odds that a score of the focal loss stands for. */
static void row_focal(double* x, size_t n, const double* gamma) {
  size_t i;
  for (i = 0; i < n; ++i) {
    const double s = x[i] > 300.0 ? 300.0 : (x[i] < -300.0 ? -300.0 : x[i]);
    const double yes = 1.0 / (1.0 + exp(-s)), no = 1.0 / (1.0 + exp(s));
    const double log_yes = s > 0 ? -log1p(exp(-s)) : s - log1p(exp(s));
    const double log_no = s > 0 ? -s - log1p(exp(-s)) : -log1p(exp(s));
    const double odds =
        gamma[0] * s + log(yes - gamma[0] * no * log_no) - log(no - gamma[0] * yes * log_yes);
    x[i] = 1.0 / (1.0 + exp(-odds));
  }
}

)"},
      {"row_normalize", R"(static void row_normalize(double* x, size_t n) {
  size_t i;
  double sum = 0.0;
  for (i = 0; i < n; ++i) sum += x[i];
  for (i = 0; i < n; ++i) x[i] = sum > 0 ? x[i] / sum : 1.0 / (double)n;
}

)"},
      {"row_class_factors", R"(static void row_class_factors(double* x, size_t n, const double* factors) {
  size_t i;
  double sum = 0.0;
  if (n == 1) {
    const double yes = x[0] * factors[1], no = (1.0 - x[0]) * factors[0];
    if (yes + no > 0) x[0] = yes / (yes + no);
    return;
  }
  for (i = 0; i < n; ++i) sum += x[i] *= factors[i];
  for (i = 0; i < n && sum > 0; ++i) x[i] /= sum;
}

)"},
      {"row_temperature", R"(static void row_temperature(double* x, size_t n, const double* t) {
  size_t i;
  double sum = 0.0;
  if (n == 1) {
    const double q = x[0] < 1e-15 ? 1e-15 : (x[0] > 1 - 1e-15 ? 1 - 1e-15 : x[0]);
    x[0] = 1.0 / (1.0 + exp(-log(q / (1.0 - q)) / t[0]));
    return;
  }
  for (i = 0; i < n; ++i) sum += x[i] = pow(x[i] > 1e-15 ? x[i] : 1e-15, 1.0 / t[0]);
  for (i = 0; i < n; ++i) x[i] /= sum;
}

)"},
      {"row_platt", R"(static void row_platt(double* x, size_t n, const double* p) {
  const double q = x[0] < 1e-15 ? 1e-15 : (x[0] > 1 - 1e-15 ? 1 - 1e-15 : x[0]);
  (void)n;
  x[0] = 1.0 / (1.0 + exp(-(p[0] * log(q / (1.0 - q)) + p[1])));
}

)"},
      {"row_beta", R"(static void row_beta(double* x, size_t n, const double* p) {
  const double q = x[0] < 1e-15 ? 1e-15 : (x[0] > 1 - 1e-15 ? 1 - 1e-15 : x[0]);
  (void)n;
  x[0] = 1.0 / (1.0 + exp(-(p[0] * log(q) - p[1] * log(1.0 - q) + p[2])));
}

)"},
      {"row_isotonic", R"(/* knots: n_knots rising probabilities, then what they become. */
static void row_isotonic(double* x, size_t n, const double* knots, size_t n_knots) {
  const double* heights = knots + n_knots;
  size_t i = 0;
  (void)n;
  if (isnan(x[0])) return;
  while (i < n_knots && knots[i] < x[0]) ++i;
  if (i == 0) x[0] = heights[0];
  else if (i == n_knots) x[0] = heights[n_knots - 1];
  else x[0] = heights[i - 1] + (x[0] - knots[i - 1]) / (knots[i] - knots[i - 1]) * (heights[i] - heights[i - 1]);
}

)"},
      {"row_platt_per_class", R"(static void row_platt_per_class(double* x, size_t n, const double* p) {
  size_t i;
  double sum = 0.0;
  for (i = 0; i < n; ++i) {
    const double q = x[i] < 1e-15 ? 1e-15 : (x[i] > 1 - 1e-15 ? 1 - 1e-15 : x[i]);
    sum += x[i] = 1.0 / (1.0 + exp(-(p[2 * i] * log(q / (1.0 - q)) + p[2 * i + 1])));
  }
  for (i = 0; i < n; ++i) x[i] = sum == 0.0 ? 1.0 / (double)n : x[i] / sum;
}

)"},
      {"row_affine", R"(static void row_affine(double* x, size_t n, const double* p) {
  size_t i;
  for (i = 0; i < n; ++i) x[i] = p[0] + p[1] * x[i];
}

)"},
      {"row_clip", R"(static void row_clip(double* x, size_t n, const double* p) {
  size_t i;
  for (i = 0; i < n; ++i) x[i] = x[i] < p[0] ? p[0] : (x[i] > p[1] ? p[1] : x[i]);
}

)"},
      {"row_expm1", R"(static void row_expm1(double* x, size_t n) {
  size_t i;
  for (i = 0; i < n; ++i) x[i] = expm1(x[i]);
}

)"},
      {"row_sort", R"(static void row_sort(double* x, size_t n) {
  size_t i, j;
  for (i = 1; i < n; ++i)
    for (j = i; j > 0 && x[j] < x[j - 1]; --j) {
      const double t = x[j];
      x[j] = x[j - 1];
      x[j - 1] = t;
    }
}

)"},
  };
  return functions;
}

}  // namespace kolosal::infer::exporters
