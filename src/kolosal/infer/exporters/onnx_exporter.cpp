#include "kolosal/infer/exporters/onnx_exporter.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numbers>

#include "kolosal/core/error.hpp"
#include "kolosal/infer/exporters/onnx_neighbours.hpp"
#include "kolosal/infer/exporters/onnx_ranks.hpp"
#include "kolosal/infer/exporters/onnx_trees.hpp"
#include "kolosal/infer/exporters/onnx_values.hpp"
#include "kolosal/infer/importers/onnx_notes.hpp"

namespace kolosal::infer::exporters {
namespace {

constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();
constexpr double kInf = std::numeric_limits<double>::infinity();

/// Cell operations of one function that do not read each other: carried out as one.
struct CellGroup {
  CellFunction function;
  std::vector<ValueId> in, in2, out;
  std::vector<double> a, b, c;
};

class OnnxWriter {
 public:
  explicit OnnxWriter(const ExportedModel& model) : model_(model), values_(model, graph_), math_(graph_) {}

  std::vector<std::byte> write(const std::string& name) {
    const auto& all = model_.operations;
    for (std::size_t i = 0; i < all.size();) {
      if (std::holds_alternative<CellOperation>(all[i])) {
        i = add_cells(i);
        continue;
      }
      std::visit([&](const auto& o) { add(o); }, all[i]);
      ++i;
    }
    add_outputs();
    add_notes();
    return graph_.finish(name, fmt::format("{} of {}", data::task_name(model_.task), model_.target));
  }

 private:
  /// Adds the operations from i on that go together; where the next begins.
  std::size_t add_cells(std::size_t i) {
    CellGroup group{std::get<CellOperation>(model_.operations[i]).function, {}, {}, {}, {}, {}, {}};
    for (; i < model_.operations.size(); ++i) {
      const auto* const o = std::get_if<CellOperation>(&model_.operations[i]);
      const auto is_made_here = [&](ValueId id) {
        return std::ranges::find(group.out, id) != group.out.end();
      };
      if (!o || o->function != group.function || is_made_here(o->in) || is_made_here(o->in2)) break;
      group.in.push_back(o->in);
      group.in2.push_back(o->in2);
      group.out.push_back(o->out);
      group.a.push_back(o->a);
      group.b.push_back(o->b);
      group.c.push_back(o->c > 0 ? o->c : kInf);
    }
    const std::string made = cells(group);
    // The values need not stand one after another, so each is told its own column.
    for (std::size_t k = 0; k < group.out.size(); ++k)
      values_.set_column(group.out[k], made, k, group.out.size());
    return i;
  }

  std::string cells(const CellGroup& o) {
    OnnxGraph& g = graph_;
    OnnxMath& m = math_;
    const auto a = [&] { return m.row(o.a); };
    const auto b = [&] { return m.row(o.b); };
    const auto c = [&] { return m.row(o.c); };
    if (o.function == CellFunction::kConstant)
      return g.node("Expand", {a(), g.node("Shape", {values_.any_input()})});
    const std::string x = values_.columns(o.in);
    const auto finite_or_nan = [&](const std::string& y) {
      return m.where(m.is_not_finite(y), m.row({kNaN}), y);
    };
    switch (o.function) {
      case CellFunction::kConstant:
        break;
      case CellFunction::kWhole: {
        const auto size = g.node("Floor", {m.add(g.node("Abs", {x}), m.row({0.5}))});
        return finite_or_nan(m.mul(g.node("Sign", {x}), size));
      }
      case CellFunction::kFill:
        return m.where(m.is_not_finite(x), a(), x);
      case CellFunction::kFillNan:
        return m.where(m.is_nan(x), a(), x);
      case CellFunction::kIsNotFinite:
        return g.cast(m.is_not_finite(x), OnnxType::kDouble);
      case CellFunction::kIsNan:
        return g.cast(m.is_nan(x), OnnxType::kDouble);
      case CellFunction::kScale: {
        const auto z = m.div(m.sub(x, a()), b());
        const bool cuts = std::ranges::any_of(o.c, [](double limit) { return limit < kInf; });
        return cuts ? m.cut(z, g.node("Neg", {c()}), c()) : z;
      }
      case CellFunction::kClip:
        return m.cut(x, a(), b());
      case CellFunction::kLog1p:
        return m.where(g.node("LessOrEqual", {x, m.row({-1})}), m.row({kNaN}),
                       g.node("Log", {m.add(x, m.row({1}))}));
      case CellFunction::kSignedLog1p:
        return m.mul(g.node("Sign", {x}), g.node("Log", {m.add(g.node("Abs", {x}), m.row({1}))}));
      case CellFunction::kFloat:
        return m.through_float(x);
      case CellFunction::kFloatBounded: {
        const double most = std::numeric_limits<float>::max();
        const auto cut = m.cut(x, m.row({-most}), m.row({most}));
        return m.through_float(m.where(g.node("IsInf", {x}), x, cut));
      }
      case CellFunction::kZeroAsMissing:
        return m.where(g.node("LessOrEqual", {g.node("Abs", {x}), m.row({1e-35})}), m.row({kNaN}), x);
      case CellFunction::kMinus:
        return finite_or_nan(m.sub(x, values_.columns(o.in2)));
      case CellFunction::kPlus:
        return finite_or_nan(m.add(x, values_.columns(o.in2)));
      case CellFunction::kTimes:
        return finite_or_nan(m.mul(x, values_.columns(o.in2)));
      case CellFunction::kOver:
        return finite_or_nan(m.div(x, values_.columns(o.in2)));
      case CellFunction::kOverReversed:
        return finite_or_nan(m.div(values_.columns(o.in2), x));
      case CellFunction::kOr:
        return m.where(m.is_not_finite(x), values_.columns(o.in2), x);
      case CellFunction::kYeoJohnson: {
        std::vector<double> below;
        for (const double power : o.a) below.push_back(2 - power);
        const auto log = g.node("Log", {m.add(g.node("Abs", {x}), m.row({1}))});
        return m.where(g.node("Less", {x, m.row({0})}), g.node("Neg", {power_of_log(log, below)}),
                       power_of_log(log, o.a));
      }
      case CellFunction::kBoxCox:
        return m.where(g.node("Greater", {x, m.row({0})}), power_of_log(g.node("Log", {x}), o.a),
                       m.row({kNaN}));
      case CellFunction::kAbove:
        return m.where(m.is_nan(x), x, g.cast(g.node("Greater", {x, a()}), OnnxType::kDouble));
      case CellFunction::kQuotient:
        return g.node("Floor", {m.div(x, a())});
      case CellFunction::kRamp: {
        const auto start = g.cast(a(), OnnxType::kFloat), width = g.cast(b(), OnnxType::kFloat);
        const auto place = g.cast(m.div(m.sub(g.cast(x, OnnxType::kFloat), start), width), OnnxType::kDouble);
        const auto below = m.where(g.node("Greater", {place, m.row({1})}), m.row({1}), place);
        return m.where(g.node("Greater", {below, m.row({0})}), below, m.row({0}));  // NaN: 0
      }
      case CellFunction::kSine:
      case CellFunction::kCosine: {
        const auto turns =
            g.cast(m.mul(g.cast(x, OnnxType::kFloat), g.cast(a(), OnnxType::kFloat)), OnnxType::kDouble);
        return sine_of_turns(turns, o.function == CellFunction::kCosine);
      }
      case CellFunction::kSineOfTurns:
      case CellFunction::kCosineOfTurns:
        return sine_of_turns(x, o.function == CellFunction::kCosineOfTurns);
      case CellFunction::kNormalOfRank:
        return onnx_normal_of_rank(x, m);
    }
    KOLOSAL_ASSERT(false, "all functions are written");
  }

  /// sin(2 pi turns) or cos(2 pi turns), which is not there for doubles in every runtime.
  std::string sine_of_turns(const std::string& turns, bool is_cosine) {
    const auto turn = math_.mul(turns, math_.row({2 * std::numbers::pi}));
    return graph_.node("Sin", {is_cosine ? math_.add(turn, math_.row({std::numbers::pi / 2})) : turn});
  }

  /// (exp(log)^power - 1) / power, by column; log for power 0.
  std::string power_of_log(const std::string& log, const std::vector<double>& powers) {
    std::vector<double> divisor, is_log;
    for (const double power : powers) {
      divisor.push_back(power == 0 ? 1 : power);
      is_log.push_back(power == 0 ? 1 : 0);
    }
    const auto grown = math_.sub(graph_.node("Exp", {math_.mul(log, math_.row(powers))}), math_.row({1}));
    const auto is_zero = graph_.node("Greater", {math_.row(is_log), math_.row({0.5})});
    return math_.where(is_zero, log, math_.div(grown, math_.row(divisor)));
  }

  void add(const CellOperation&) { KOLOSAL_ASSERT(false, "cells are added in groups"); }

  void add(const LevelOperation& o) {
    OnnxGraph& g = graph_;
    std::string slots = values_.slots(o.in);
    if (o.is_pair) {
      const auto n = static_cast<std::int64_t>(model_.values[o.in2].n_slots());
      slots = math_.add(math_.mul(slots, g.constant({{1, 1}, std::vector<std::int64_t>{n}})),
                        values_.slots(o.in2));
    }
    const auto codes = [&](std::int64_t shift) {
      std::vector<std::int64_t> table;
      for (const std::int32_t code : o.codes) table.push_back(code + shift);
      const auto n = static_cast<std::int64_t>(table.size());
      return g.node("Gather", {g.constant({{n}, std::move(table)}), slots});
    };
    switch (o.kind) {
      case LevelOperation::Kind::kRecode:
        return values_.set(o.first_out, codes(2));
      case LevelOperation::Kind::kNumbers: {
        const auto flat = g.node("Squeeze", {slots, g.constant({{1}, std::vector<std::int64_t>{1}})});
        const auto n = static_cast<std::int64_t>(o.numbers.size() / o.width);
        return values_.set_range(
            o.first_out, o.width,
            g.node("Gather", {g.constant({{n, static_cast<std::int64_t>(o.width)}, o.numbers}), flat}));
      }
      case LevelOperation::Kind::kOneHot: {
        std::vector<std::int64_t> places(o.width);
        for (std::size_t i = 0; i < places.size(); ++i) places[i] = static_cast<std::int64_t>(i);
        const auto n = static_cast<std::int64_t>(o.width);
        const auto row = g.constant({{1, n}, std::move(places)});
        return values_.set_range(o.first_out, o.width,
                                 g.cast(g.node("Equal", {codes(0), row}), OnnxType::kDouble));
      }
    }
  }

  void add(const RankOperation& o) { values_.set(o.out, onnx_rank(o, values_.columns({o.in}), math_)); }

  void add(const TreesOperation& o) { add_onnx_trees(model_, o, values_, math_); }

  void add(const LinearOperation& o) {
    OnnxGraph& g = graph_;
    const auto k = static_cast<std::int64_t>(o.intercept.size());
    const auto start = g.row(o.intercept);
    const auto n = static_cast<std::int64_t>(o.features.size());
    values_.set_range(
        o.first_out, o.intercept.size(),
        n == 0
            ? g.node("Expand", {start, g.node("Shape", {values_.any_input()})})
            : math_.add(g.node("MatMul", {values_.columns(o.features), g.constant({{n, k}, o.coefficient})}),
                        start));
  }

  void add(const NetworkOperation& o) {
    OnnxGraph& g = graph_;
    std::string x = g.cast(values_.columns(o.features), OnnxType::kFloat);
    const auto row = [&](const std::vector<float>& values) {
      return g.constant({{1, static_cast<std::int64_t>(values.size())}, values});
    };
    for (const auto& layer : o.layers) {
      const auto weights = g.constant(
          {{static_cast<std::int64_t>(layer.n_in), static_cast<std::int64_t>(layer.n_out)}, layer.weights});
      if (layer.factor.empty()) {
        x = g.node("Gemm", {x, weights, row(layer.shift)});
        continue;
      }
      x = g.node("MatMul", {x, weights});
      if (layer.normalizes) {
        const OnnxAttributes over_columns = {{"axes", std::vector<std::int64_t>{1}},
                                             {"keepdims", std::int64_t{1}}};
        x = math_.sub(x, g.node("ReduceMean", {x}, over_columns));
        const auto variance = g.node("ReduceMean", {math_.mul(x, x)}, over_columns);
        x = math_.div(x, g.node("Sqrt", {math_.add(variance, row({1e-5F}))}));
      }
      const auto z = math_.add(math_.mul(x, row(layer.factor)), row(layer.shift));
      x = math_.mul(z, g.node("Sigmoid", {z}));
    }
    values_.set_range(o.first_out, o.layers.back().n_out, g.cast(x, OnnxType::kDouble));
  }

  void add(const NeighboursOperation& o) { add_onnx_neighbours(o, values_, math_); }

  void add(const BlendOperation& o) {
    std::string sum;
    for (std::size_t i = 0; i < o.first_in.size(); ++i) {
      const auto part = math_.mul(values_.range(o.first_in[i], o.width), math_.row({o.weight[i]}));
      sum = i == 0 ? part : math_.add(sum, part);
    }
    values_.set_range(o.first_out, o.width, sum);
  }

  void add(const RowOperation& o) {
    values_.set_range(o.first_out, o.width, row_function(o, values_.range(o.first_in, o.width)));
  }

  std::string shares(const std::string& x) { return math_.div(x, math_.sum(x)); }

  std::string row_function(const RowOperation& o, const std::string& x) {
    OnnxGraph& g = graph_;
    OnnxMath& m = math_;
    const auto& p = o.parameters;
    const auto even = [&] { return m.row({1 / static_cast<double>(o.width)}); };
    switch (o.function) {
      case RowFunction::kSigmoid:
        return m.sigmoid(x);
      case RowFunction::kSoftmax:
        return g.node("Softmax", {x}, {{"axis", std::int64_t{1}}});
      case RowFunction::kExp:
        return g.node("Exp", {m.cut(x, m.row({-kInf}), m.row({p[0]}))});
      case RowFunction::kFocal:
        return focal(x, p[0]);
      case RowFunction::kNormalize:
        return m.where(g.node("Greater", {m.sum(x), m.row({0})}), shares(x), even());
      case RowFunction::kClassFactors: {
        if (o.width > 1) {
          const auto y = m.mul(x, m.row(p));
          return m.where(g.node("Greater", {m.sum(y), m.row({0})}), shares(y), y);
        }
        const auto yes = m.mul(x, m.row({p[1]})), no = m.mul(m.sub(m.row({1}), x), m.row({p[0]}));
        const auto total = m.add(yes, no);
        return m.where(g.node("Greater", {total, m.row({0})}), m.div(yes, total), x);
      }
      case RowFunction::kTemperature: {
        if (o.width == 1) return m.sigmoid(m.mul(m.logit(x), m.row({1 / p[0]})));
        return shares(g.node("Pow", {m.cut(x, m.row({1e-15}), m.row({kInf})), m.row({1 / p[0]})}));
      }
      case RowFunction::kPlatt:
        return m.sigmoid(m.add(m.mul(m.logit(x), m.row({p[0]})), m.row({p[1]})));
      case RowFunction::kBeta: {
        const auto q = m.cut_probability(x);
        const auto yes = m.mul(g.node("Log", {q}), m.row({p[0]}));
        const auto no = m.mul(g.node("Log", {m.sub(m.row({1}), q)}), m.row({p[1]}));
        return m.sigmoid(m.add(m.sub(yes, no), m.row({p[2]})));
      }
      case RowFunction::kIsotonic:
        return isotonic(x, p);
      case RowFunction::kPlattPerClass: {
        std::vector<double> slope, offset;
        for (std::size_t k = 0; k < p.size(); k += 2) {
          slope.push_back(p[k]);
          offset.push_back(p[k + 1]);
        }
        const auto y = m.sigmoid(m.add(m.mul(m.logit(x), m.row(slope)), m.row(offset)));
        return m.where(g.node("Greater", {m.sum(y), m.row({0})}), shares(y), even());
      }
      case RowFunction::kAffine:
        return m.add(m.mul(x, m.row({p[1]})), m.row({p[0]}));
      case RowFunction::kClip:
        return m.cut(x, m.row({p[0]}), m.row({p[1]}));
      case RowFunction::kExpm1:
        return m.sub(g.node("Exp", {x}), m.row({1}));
      case RowFunction::kSort:
        return g.node("TopK", {x, g.constant({{1}, std::vector<std::int64_t>{std::int64_t{o.width}}})},
                      {{"axis", std::int64_t{1}}, {"largest", std::int64_t{0}}, {"sorted", std::int64_t{1}}});
    }
    KOLOSAL_ASSERT(false, "all functions are written");
  }

  /// model::focal_log_odds(), then the logistic.
  std::string focal(const std::string& x, double gamma) {
    OnnxGraph& g = graph_;
    OnnxMath& m = math_;
    const auto s = m.cut(x, m.row({-300}), m.row({300}));
    const auto minus = g.node("Neg", {s});
    const auto minus_log = [&](const std::string& t) {  // of the logistic of -t
      return g.node("Log", {m.add(m.row({1}), g.node("Exp", {t}))});
    };
    const auto yes = m.sigmoid(s), no = m.sigmoid(minus);
    const auto a = m.add(yes, m.mul(m.mul(no, minus_log(s)), m.row({gamma})));
    const auto b = m.add(no, m.mul(m.mul(yes, minus_log(minus)), m.row({gamma})));
    return m.sigmoid(m.add(m.mul(s, m.row({gamma})), m.sub(g.node("Log", {a}), g.node("Log", {b}))));
  }

  /// The line through knots as a sum of ramps.
  std::string isotonic(const std::string& x, const std::vector<double>& p) {
    OnnxGraph& g = graph_;
    OnnxMath& m = math_;
    const std::size_t n = p.size() / 2;
    if (n == 1) return m.add(m.mul(x, m.row({0})), m.row({p[1]}));
    std::vector<double> start, width, rise;
    for (std::size_t i = 0; i + 1 < n; ++i) {
      start.push_back(p[i]);
      width.push_back(p[i + 1] - p[i]);
      rise.push_back(p[n + i + 1] - p[n + i]);
    }
    const auto ramps = m.cut(m.div(m.sub(x, m.row(start)), m.row(width)), m.row({0}), m.row({1}));
    return m.add(m.sum(g.node("Mul", {ramps, m.row(rise)})), m.row({p[n]}));
  }

  /// A column of the table may have the name of an output.
  std::string output_name(std::string name) const {
    const auto is_taken = [&](const ExportedInput& input) { return input.is_used && input.name == name; };
    while (std::ranges::any_of(model_.inputs, is_taken)) name += "_";
    return name;
  }

  void add_outputs() {
    OnnxGraph& g = graph_;
    const std::string prediction = output_name("prediction"), probabilities = output_name("probabilities"),
                      label = output_name("label");
    const std::string out = values_.range(model_.first_output, model_.n_outputs());
    if (model_.classes.empty()) {
      g.node("Identity", {out}, {}, prediction);
      return g.add_output(prediction, OnnxType::kDouble, model_.n_outputs());
    }
    std::string place;
    if (model_.task == data::Task::kBinary) {
      g.node("Concat", {math_.sub(math_.row({1}), out), out}, {{"axis", std::int64_t{1}}}, probabilities);
      const auto flat = g.node("Squeeze", {out, g.constant({{1}, std::vector<std::int64_t>{1}})});
      place = g.cast(g.node("Greater", {flat, g.constant({{1}, std::vector<double>{model_.threshold}})}),
                     OnnxType::kInt64);
    } else {
      g.node("Identity", {out}, {}, probabilities);
      std::vector<double> weights = model_.decision_weights;
      weights.resize(model_.classes.size(), 1.0);
      place = g.node("ArgMax", {math_.mul(out, math_.row(weights))},
                     {{"axis", std::int64_t{1}}, {"keepdims", std::int64_t{0}}});
    }
    const auto n = static_cast<std::int64_t>(model_.classes.size());
    g.node("Gather", {g.constant({{n}, model_.classes}), place}, {}, label);
    g.add_output(label, OnnxType::kString, 0);
    g.add_output(probabilities, OnnxType::kDouble, model_.classes.size());
  }

  void add_notes() {
    OnnxNotes notes;
    notes.quantiles = model_.quantiles;
    for (const ExportedOperation& operation : model_.operations)
      if (const auto* const neighbours = std::get_if<NeighboursOperation>(&operation)) {
        const std::size_t rows = block_rows_of(*neighbours);
        notes.block_rows = notes.block_rows == 0 ? rows : std::min(notes.block_rows, rows);
      }
    for (const ExportedInput& input : model_.inputs)
      if (input.is_used && is_moment(input.type)) notes.moments[input.name] = input.type;
    if (!notes.is_empty()) graph_.add_metadata(std::string(OnnxNotes::kKey), notes.text());
  }

  const ExportedModel& model_;
  OnnxGraph graph_;
  OnnxValues values_;
  OnnxMath math_;
};

}  // namespace

std::vector<std::byte> export_onnx(const ExportedModel& model, const std::string& name) {
  return OnnxWriter(model).write(name);
}

}  // namespace kolosal::infer::exporters
