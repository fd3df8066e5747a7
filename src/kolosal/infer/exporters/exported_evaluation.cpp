#include <algorithm>
#include <cmath>
#include <limits>
#include <numbers>

#include "kolosal/core/error.hpp"
#include "kolosal/infer/exporters/exported_model.hpp"
#include "kolosal/kernel/elementary.hpp"
#include "kolosal/model/calibrator.hpp"
#include "kolosal/model/focal_loss.hpp"
#include "kolosal/model/link_functions.hpp"

namespace kolosal::infer::exporters {
namespace {

constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();
constexpr double kLargestFloat = std::numeric_limits<float>::max();

double as_float(double x) { return static_cast<double>(static_cast<float>(x)); }
double finite_or_nan(double x) { return std::isfinite(x) ? x : kNaN; }

/// (exp(log)^power - 1) / power
double power_of_log(double log, double power) { return power == 0 ? log : std::expm1(power * log) / power; }

double cell(const CellOperation& o, double x, double y) {
  switch (o.function) {
    case CellFunction::kConstant:
      return o.a;
    case CellFunction::kWhole:
      return std::isfinite(x) ? std::round(x) : kNaN;
    case CellFunction::kFill:
      return std::isfinite(x) ? x : o.a;
    case CellFunction::kFillNan:
      return std::isnan(x) ? o.a : x;
    case CellFunction::kIsNotFinite:
      return std::isfinite(x) ? 0 : 1;
    case CellFunction::kIsNan:
      return std::isnan(x) ? 1 : 0;
    case CellFunction::kScale: {
      const double z = (x - o.a) / o.b;
      return o.c > 0 && !std::isnan(z) ? std::clamp(z, -o.c, o.c) : z;
    }
    case CellFunction::kClip:
      return x < o.a ? o.a : (x > o.b ? o.b : x);
    case CellFunction::kLog1p:
      return x <= -1 ? kNaN : std::log1p(x);
    case CellFunction::kSignedLog1p:
      return std::copysign(std::log1p(std::fabs(x)), x);
    case CellFunction::kFloat:
      return as_float(x);
    case CellFunction::kFloatBounded:
      return as_float(std::isfinite(x) ? std::clamp(x, -kLargestFloat, kLargestFloat) : x);
    case CellFunction::kZeroAsMissing:
      return std::fabs(x) <= 1e-35 ? kNaN : x;
    case CellFunction::kMinus:
      return finite_or_nan(x - y);
    case CellFunction::kPlus:
      return finite_or_nan(x + y);
    case CellFunction::kTimes:
      return finite_or_nan(x * y);
    case CellFunction::kOver:
      return y == 0 ? kNaN : finite_or_nan(x / y);
    case CellFunction::kOverReversed:
      return x == 0 ? kNaN : finite_or_nan(y / x);
    case CellFunction::kOr:
      return std::isfinite(x) ? x : y;
    case CellFunction::kYeoJohnson:
      return x < 0 ? -power_of_log(std::log1p(-x), 2 - o.a) : power_of_log(std::log1p(x), o.a);
    case CellFunction::kBoxCox:
      return x > 0 ? power_of_log(std::log(x), o.a) : kNaN;
    case CellFunction::kAbove:
      return std::isnan(x) ? x : (x > o.a ? 1 : 0);
    case CellFunction::kQuotient:
      return std::floor(x / o.a);
    case CellFunction::kSineOfTurns:
      return std::sin(2 * std::numbers::pi * x);
    case CellFunction::kCosineOfTurns:
      return std::cos(2 * std::numbers::pi * x);
    case CellFunction::kNormalOfRank: {
      double normal;
      kernel::normal_quantile(&x, &normal, 1);
      return normal < -kMostNormal ? -kMostNormal : normal > kMostNormal ? kMostNormal : normal;
    }
    case CellFunction::kRamp: {
      const float place = (static_cast<float>(x) - static_cast<float>(o.a)) / static_cast<float>(o.b);
      return place > 0 ? static_cast<double>(std::min(place, 1.0F)) : 0;
    }
    case CellFunction::kSine:
      return std::sin(2 * std::numbers::pi *
                      static_cast<double>(static_cast<float>(o.a) * static_cast<float>(x)));
    case CellFunction::kCosine:
      return std::cos(2 * std::numbers::pi *
                      static_cast<double>(static_cast<float>(o.a) * static_cast<float>(x)));
  }
  return kNaN;
}

void apply_row(const RowOperation& o, std::span<double> row) {
  const auto& p = o.parameters;
  const std::size_t n = row.size();
  const auto calibrate = [&](model::CalibrationKind kind) {
    model::Calibrator calibrator{kind, p, {}, {}};
    if (kind == model::CalibrationKind::kIsotonic) {
      const auto middle = p.begin() + static_cast<std::ptrdiff_t>(p.size() / 2);
      calibrator = {kind, {}, {p.begin(), middle}, {middle, p.end()}};
    }
    calibrator.apply(row, n);
  };
  switch (o.function) {
    case RowFunction::kSigmoid:
      for (double& v : row) v = model::sigmoid(v);
      return;
    case RowFunction::kSoftmax:
      model::softmax(row);
      return;
    case RowFunction::kExp:
      for (double& v : row) v = std::exp(std::min(v, p[0]));
      return;
    case RowFunction::kFocal:
      for (double& v : row) v = model::sigmoid(model::focal_log_odds(v, p[0]));
      return;
    case RowFunction::kNormalize: {
      double sum = 0;
      for (const double v : row) sum += v;
      for (double& v : row) v = sum > 0 ? v / sum : 1 / static_cast<double>(n);
      return;
    }
    case RowFunction::kClassFactors:
      pipeline::apply_class_factors(row, p);
      return;
    case RowFunction::kTemperature:
      return calibrate(model::CalibrationKind::kTemperature);
    case RowFunction::kPlatt:
      return calibrate(model::CalibrationKind::kPlatt);
    case RowFunction::kBeta:
      return calibrate(model::CalibrationKind::kBeta);
    case RowFunction::kIsotonic:
      return calibrate(model::CalibrationKind::kIsotonic);
    case RowFunction::kPlattPerClass:
      return calibrate(model::CalibrationKind::kPlattPerClass);
    case RowFunction::kAffine:
      for (double& v : row) v = p[0] + p[1] * v;
      return;
    case RowFunction::kClip:
      for (double& v : row) v = std::clamp(v, p[0], p[1]);
      return;
    case RowFunction::kExpm1:
      for (double& v : row) v = std::expm1(v);
      return;
    case RowFunction::kSort:
      std::ranges::sort(row);
      return;
  }
}

/// A row of values in the making.
class Row {
 public:
  Row(const ExportedModel& model, std::vector<double>& values) : model_(model), v_(values) {}

  void operator()(const CellOperation& o) { v_[o.out] = cell(o, v_[o.in], v_[o.in2]); }

  void operator()(const LevelOperation& o) {
    std::size_t slot = slot_of(o.in);
    if (o.is_pair) slot = slot * model_.values[o.in2].n_slots() + slot_of(o.in2);
    for (std::size_t k = 0; k < o.width; ++k)
      v_[o.first_out + k] = o.kind == LevelOperation::Kind::kRecode         ? o.codes[slot]
                            : o.kind == LevelOperation::Kind::kNumbers      ? o.numbers[slot * o.width + k]
                            : o.codes[slot] == static_cast<std::int32_t>(k) ? 1
                                                                            : 0;
  }

  void operator()(const RankOperation& o) { v_[o.out] = o.rank(v_[o.in]); }

  void operator()(const TreesOperation& o) {
    data::Frame row;
    for (std::size_t f = 0; f < o.features.size(); ++f) {
      const double x = v_[o.features[f]];
      const bool is_none = model_.values[o.features[f]].is_level() && x < 0;
      row.add(fmt::format("{}", f), data::Column::from_float64({is_none ? kNaN : x}));
    }
    o.forest->predict(row, std::span(v_).subspan(o.first_out, static_cast<std::size_t>(o.forest->n_outputs)),
                      Context());
  }

  void operator()(const LinearOperation& o) {
    const std::size_t k = o.intercept.size();
    std::vector<double> sums = o.intercept;
    for (std::size_t f = 0; f < o.features.size(); ++f)
      for (std::size_t j = 0; j < k; ++j) sums[j] += v_[o.features[f]] * o.coefficient[f * k + j];
    std::ranges::copy(sums, v_.begin() + o.first_out);
  }

  void operator()(const NetworkOperation& o) {
    std::vector<double> in, sums;
    for (const ValueId f : o.features) in.push_back(v_[f]);
    for (const auto& layer : o.layers) {
      sums.assign(layer.n_out, 0.0);
      for (std::size_t i = 0; i < layer.n_in; ++i)
        for (std::size_t j = 0; in[i] != 0 && j < layer.n_out; ++j)
          sums[j] += in[i] * static_cast<double>(layer.weights[i * layer.n_out + j]);
      if (layer.normalizes) normalize(sums);
      for (std::size_t j = 0; j < layer.n_out; ++j) {
        const auto shift = static_cast<double>(layer.shift[j]);
        if (layer.factor.empty()) {
          sums[j] += shift;
        } else {
          const double t = static_cast<double>(layer.factor[j]) * sums[j] + shift;
          sums[j] = t / (1 + std::exp(-t));
        }
      }
      in = sums;
    }
    std::ranges::copy(in, v_.begin() + o.first_out);
  }

  void operator()(const NeighboursOperation& o) {
    std::vector<double> distance(o.n_points);
    for (std::size_t p = 0; p < o.n_points; ++p) distance[p] = distance_to(o, p);
    std::vector<double> sorted = distance;
    std::ranges::sort(sorted);
    const double nearest = sorted.front(), last = sorted[std::min(o.k, o.n_points) - 1];
    double n_nearer = 0, n_tied = 0;
    for (const double d : distance) {
      n_nearer += d < last ? 1 : 0;
      n_tied += d == last ? 1 : 0;
    }
    const double share = (static_cast<double>(std::min(o.k, o.n_points)) - n_nearer) / n_tied;
    std::vector<double> sums(o.width() + 1, 0.0);
    for (std::size_t p = 0; p < o.n_points; ++p) {
      if (distance[p] > last || std::isinf(distance[p])) continue;
      double weight = distance[p] < last ? 1 : share;
      if (o.by_distance)
        weight *= nearest == 0 ? (distance[p] == 0 ? 1 : 0) : std::sqrt(nearest / distance[p]);
      for (std::size_t j = 0; j < sums.size(); ++j) sums[j] += weight * o.votes[p * sums.size() + j];
    }
    for (std::size_t j = 0; j < o.width(); ++j)
      v_[o.first_out + j] = sums.back() > 0 ? sums[j] / sums.back() : o.otherwise[j];
  }

  void operator()(const BlendOperation& o) {
    for (std::size_t k = 0; k < o.width; ++k) {
      double sum = 0;
      for (std::size_t i = 0; i < o.first_in.size(); ++i) sum += o.weight[i] * v_[o.first_in[i] + k];
      v_[o.first_out + k] = sum;
    }
  }

  void operator()(const RowOperation& o) {
    const std::span<double> row = std::span(v_).subspan(o.first_out, o.width);
    std::copy_n(v_.begin() + o.first_in, o.width, row.begin());
    apply_row(o, row);
  }

 private:
  /// Of a row to a point; infinity where they have nothing in common.
  double distance_to(const NeighboursOperation& o, std::size_t p) const {
    double sum = 0, n = 0;
    for (std::size_t f = 0; f < o.numbers.size(); ++f) {
      const double x = v_[o.numbers[f]], y = o.cells[f * o.n_points + p];
      if (std::isnan(x) || std::isnan(y)) continue;
      sum += (x - y) * (x - y);
      n += 1;
    }
    for (std::size_t f = 0; f < o.levels.size(); ++f) {
      const auto x = static_cast<std::int32_t>(v_[o.levels[f]]), y = o.codes[f * o.n_points + p];
      if (x == data::kMissingCode || y == data::kMissingCode) continue;
      sum += x == y ? 0 : 1;
      n += 1;
    }
    return n > 0 ? sum / n : std::numeric_limits<double>::infinity();
  }

  std::size_t slot_of(ValueId id) const { return static_cast<std::size_t>(v_[id] + 2); }

  static void normalize(std::vector<double>& sums) {
    double mean = 0, variance = 0;
    for (const double s : sums) mean += s / static_cast<double>(sums.size());
    for (const double s : sums) variance += (s - mean) * (s - mean) / static_cast<double>(sums.size());
    for (double& s : sums) s = (s - mean) / std::sqrt(variance + 1e-5);
  }

  const ExportedModel& model_;
  std::vector<double>& v_;
};

}  // namespace

std::vector<double> evaluate(const ExportedModel& model, const data::Schema& schema, const data::Frame& raw) {
  const data::Frame table = schema.conform(raw);
  std::vector<double> values(model.values.size(), kNaN), out;
  for (std::size_t i = 0; i < table.n_rows(); ++i) {
    for (std::size_t c = 0; c < model.inputs.size(); ++c) {
      if (!model.inputs[c].is_used) continue;
      const data::Column& column = table.column(c);
      values[c] = column.type() == data::ColumnType::kCategory        ? column.codes()[i]
                  : is_moment(column.type()) && !column.is_missing(i) ? seconds_of(column.int64s()[i])
                                                                      : column.number(i);
    }
    for (const ExportedOperation& operation : model.operations) std::visit(Row(model, values), operation);
    for (std::size_t k = 0; k < model.n_outputs(); ++k) out.push_back(values[model.first_output + k]);
  }
  return out;
}

}  // namespace kolosal::infer::exporters
