#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "kolosal/data/schema.hpp"
#include "kolosal/model/forest.hpp"
#include "kolosal/pipeline/model.hpp"

namespace kolosal::infer::exporters {

/// Number of a value of a row: ExportedModel::values.
using ValueId = std::uint32_t;

/// What a row holds in one place: a number (NaN: missing), or a level of a category by its code
/// (data::kMissingCode, data::kUnseenCode or an index into `levels`).
struct ExportedValue {
  std::string name;  ///< Of the column it is; made names are for readers only.
  std::shared_ptr<const data::Dictionary> levels = {};  ///< Null: a number.

  bool is_level() const { return levels != nullptr; }
  /// Tables of levels are by slot: 0 unseen, 1 missing, then the levels.
  std::size_t n_slots() const { return static_cast<std::size_t>(levels->size()) + 2; }
};

/// A column that a row is given with. Its value's number is its place among the inputs. Dates and timestamps
/// are numbers: seconds since 1970-01-01.
struct ExportedInput {
  std::string name;
  data::ColumnType type = data::ColumnType::kFloat64;
  bool is_used = false;  ///< Whether the prediction depends on it.
};

/// What is done to one number (or two) by itself. a, b, c are parameters of the operation.
enum class CellFunction : std::uint8_t {
  kConstant,       ///< a
  kWhole,          ///< rounded to a whole number, halves away from 0; NaN when not finite
  kFill,           ///< a when not finite
  kFillNan,        ///< a when NaN
  kIsNotFinite,    ///< 1 when not finite, else 0
  kIsNan,          ///< 1 when NaN, else 0
  kScale,          ///< (x - a) / b, cut to [-c, c] when c > 0
  kClip,           ///< cut to [a, b]
  kLog1p,          ///< log(1 + x); NaN for -1 or less
  kSignedLog1p,    ///< sign(x) log(1 + |x|)
  kFloat,          ///< rounded to float32
  kFloatBounded,   ///< the same; finite numbers beyond its range become its largest
  kZeroAsMissing,  ///< NaN when |x| <= 1e-35
  kMinus,          ///< x - y; NaN when that is not finite, as in the four below
  kPlus,           ///< x + y
  kTimes,          ///< x y
  kOver,           ///< x / y
  kOverReversed,   ///< y / x
  kOr,             ///< x when finite, else y
  kRamp,           ///< (x - a) / b in float32, cut to [0, 1]; 0 for NaN
  kSine,           ///< sin(2 pi a x), a x in float32
  kCosine,         ///< cos(2 pi a x), a x in float32
  kYeoJohnson,     ///< the power a of Yeo and Johnson (2000)
  kBoxCox,         ///< the power a of Box and Cox (1964); NaN for 0 or less
  kAbove,          ///< 1 when above a, else 0; NaN stays
  kQuotient,       ///< x / a, rounded down
  kSineOfTurns,    ///< sin(2 pi x)
  kCosineOfTurns,  ///< cos(2 pi x)
  kNormalOfRank,   ///< the standard normal number of probability x, cut to [-kMostNormal, kMostNormal]
};

inline constexpr double kMostNormal = 5.199337582605575;  ///< of all but 1e-7

bool is_moment(data::ColumnType type);
/// ns: since 1970-01-01.
double seconds_of(std::int64_t ns);

/// Whether it is of in and in2.
bool is_of_two(CellFunction function);

struct CellOperation {
  CellFunction function = CellFunction::kConstant;
  ValueId in = 0, in2 = 0;  ///< in2: of functions of two numbers
  ValueId out = 0;
  double a = 0, b = 0, c = 0;
};

/// A look-up by the slot of a level, or of a pair of levels (slot of the first x slots of the second + that
/// of the second).
struct LevelOperation {
  enum class Kind : std::uint8_t {
    kRecode,   ///< codes[slot]: the code of another level
    kNumbers,  ///< numbers[slot x width ...]: width numbers
    kOneHot,   ///< width numbers, all 0 but number codes[slot], which is 1; none for a negative code
  };
  Kind kind = Kind::kRecode;
  ValueId in = 0;
  bool is_pair = false;
  ValueId in2 = 0;
  ValueId first_out = 0;
  std::uint32_t width = 1;
  std::vector<std::int32_t> codes = {};
  std::vector<double> numbers = {};
};

/// Sums of trees with base score and division by the number of trees, before the link. A level counts as its
/// code, NaN below 0.
struct TreesOperation {
  std::shared_ptr<const model::Forest> forest = {};
  std::vector<ValueId> features = {};
  ValueId first_out = 0;
};

/// The rank of a number among points, from 0 to 1. Below the first point and margin, and at it where margin
/// is 0: 0; above the last and margin, and at it: 1. At point k: at[k]; from there to the next one: start[k]
/// + (x - points[k]) slope[k]. NaN stays.
struct RankOperation {
  std::vector<double> points = {};  ///< rising, at least one
  std::vector<double> at = {}, start = {}, slope = {};
  double margin = 0;
  ValueId in = 0, out = 0;

  double rank(double x) const;
};

struct LinearOperation {
  std::vector<ValueId> features = {};    ///< Numbers.
  std::vector<double> coefficient = {};  ///< features x outputs
  std::vector<double> intercept = {};    ///< outputs
  ValueId first_out = 0;
};

/// Hidden layers SiLU(factor * norm(x W) + shift), then x W + shift. The engine computes in float32.
struct NetworkOperation {
  struct Layer {
    std::size_t n_in = 0, n_out = 0;
    std::vector<float> weights = {};  ///< n_in x n_out
    bool normalizes = false;          ///< By mean and variance of the layer's own sums.
    std::vector<float> factor = {};   ///< Empty: the output layer.
    std::vector<float> shift = {};
  };
  std::vector<ValueId> features = {};
  std::vector<Layer> layers = {};
  ValueId first_out = 0;
};

/// The mean vote of the nearest points. Distance: mean of the squared differences of numbers, and of 1 for
/// levels that differ, over what both have. Of points exactly as far as number k those places that are left
/// are shared.
struct NeighboursOperation {
  std::vector<ValueId> numbers = {};  ///< NaN: missing
  std::vector<ValueId> levels = {};
  std::size_t n_points = 0, k = 1;
  bool by_distance = false;  ///< Votes count by 1 / root of the distance; where one is 0, only such ones.
  std::vector<double> cells = {};        ///< numbers x n_points; NaN: missing
  std::vector<std::int32_t> codes = {};  ///< levels x n_points
  std::vector<double> votes = {};  ///< n_points x (width + 1): of each output, then what they are divided by
  std::vector<double> otherwise = {};  ///< width: where no point has anything in common
  ValueId first_out = 0;

  std::size_t width() const { return otherwise.size(); }
};

/// Weighted sums: of output k, first_in[i] + k times weight[i].
struct BlendOperation {
  std::vector<ValueId> first_in = {};
  std::vector<double> weight = {};
  std::uint32_t width = 1;
  ValueId first_out = 0;
};

/// What is done to the outputs of a row together.
enum class RowFunction : std::uint8_t {
  kSigmoid,
  kSoftmax,
  kExp,           ///< of at most parameters[0]
  kFocal,         ///< sigmoid of model::focal_log_odds(x, parameters[0])
  kNormalize,     ///< divided by their sum; equal shares when that is 0
  kClassFactors,  ///< times parameters[k], then made to sum to 1; one output: of 1 - p and p
  kTemperature,
  kPlatt,
  kBeta,
  kIsotonic,  ///< parameters: knots, then heights
  kPlattPerClass,
  kAffine,  ///< parameters[0] + parameters[1] x
  kClip,    ///< cut to [parameters[0], parameters[1]]
  kExpm1,
  kSort,  ///< in rising order
};

struct RowOperation {
  RowFunction function = RowFunction::kSigmoid;
  ValueId first_in = 0, first_out = 0;
  std::uint32_t width = 1;
  std::vector<double> parameters = {};
};

using ExportedOperation =
    std::variant<CellOperation, LevelOperation, RankOperation, TreesOperation, LinearOperation,
                 NetworkOperation, NeighboursOperation, BlendOperation, RowOperation>;

/// A model as data: the values of a row, and the operations that make them one after another. What all
/// exporters write, each in its own language. Values 0 ... inputs.size() - 1 are given; each other one is
/// written by one operation, and read by later ones alone.
struct ExportedModel {
  data::Task task = data::Task::kRegression;
  std::string target;
  std::vector<std::string> classes;  ///< As in pipeline::Model, like the four below.
  std::vector<double> quantiles;
  double threshold = 0.5;
  std::vector<double> decision_weights;
  std::vector<ExportedInput> inputs;
  std::vector<ExportedValue> values;
  std::vector<ExportedOperation> operations;
  ValueId first_output = 0;  ///< The prediction: n_outputs() values from here on.

  std::size_t n_outputs() const {
    if (task == data::Task::kMulticlass) return classes.size();
    return quantiles.empty() ? 1 : quantiles.size();
  }
};

/// Describes a model; only what its prediction depends on. The model may go afterwards.
/// @throws Error kUnsupported naming the step and its column, or the learner, that has no such description,
/// and what to do instead.
ExportedModel describe_model(const pipeline::Model& model);

/// Carries out the description for the rows of a table as pipeline::Model::predict() takes it: n_rows x
/// n_outputs. The exporters' reference; slow.
std::vector<double> evaluate(const ExportedModel& model, const data::Schema& schema, const data::Frame& raw);

/// Values that an operation reads, and those that it writes (first, number).
std::vector<ValueId> values_read(const ExportedOperation& operation);
std::pair<ValueId, std::uint32_t> values_written(const ExportedOperation& operation);

}  // namespace kolosal::infer::exporters
