#include "kolosal/infer/exporters/pmml_expressions.hpp"

#include <cmath>
#include <numbers>

#include "kolosal/core/error.hpp"
#include "kolosal/infer/exporters/operation_names.hpp"

namespace kolosal::infer::exporters {
namespace {

using Expression = PmmlExpression;

Expression number(double x) { return pmml_number(x); }
Expression plus(Expression a, Expression b) { return pmml_apply("+", {std::move(a), std::move(b)}); }
Expression minus(Expression a, Expression b) { return pmml_apply("-", {std::move(a), std::move(b)}); }
Expression times(Expression a, Expression b) { return pmml_apply("*", {std::move(a), std::move(b)}); }
Expression over(Expression a, Expression b) { return pmml_apply("/", {std::move(a), std::move(b)}); }
Expression negated(Expression a) { return minus(number(0), std::move(a)); }
Expression is_missing(Expression a) { return pmml_apply("isMissing", {std::move(a)}); }
Expression choose(Expression condition, Expression yes, Expression no) {
  return pmml_apply("if", {std::move(condition), std::move(yes), std::move(no)});
}
/// Missing where the condition does not hold.
Expression only_if(Expression condition, Expression yes) {
  return pmml_apply("if", {std::move(condition), std::move(yes)});
}
Expression compare(const char* function, Expression a, double b) {
  return pmml_apply(function, {std::move(a), number(b)});
}
Expression log1p(Expression a) { return pmml_apply("ln", {plus(number(1), std::move(a))}); }

Expression cut(Expression x, double low, double high) {
  if (std::isfinite(high)) x = pmml_apply("min", {std::move(x), number(high)});
  if (std::isfinite(low)) x = pmml_apply("max", {std::move(x), number(low)});
  return x;
}

Expression sigmoid(const Expression& x) {
  return over(number(1), plus(number(1), pmml_apply("exp", {negated(x)})));
}

Expression cut_probability(const Expression& p) { return cut(p, 1e-15, 1 - 1e-15); }
Expression logit(const Expression& p) {
  const Expression q = cut_probability(p);
  return pmml_apply("ln", {over(q, minus(number(1), q))});
}

Expression sum(const std::vector<Expression>& in) { return in.size() == 1 ? in[0] : pmml_apply("sum", in); }

/// Each as a field of its own.
std::vector<Expression> fields(const std::vector<Expression>& in, const PmmlDerive& derive) {
  std::vector<Expression> out;
  for (std::size_t k = 0; k < in.size(); ++k) out.push_back(derive(fmt::format("part_{}", k), in[k]));
  return out;
}

/// parts: fields.
std::vector<Expression> shares(const std::vector<Expression>& parts, const PmmlDerive& derive) {
  const Expression total = derive("sum", sum(parts));
  std::vector<Expression> out;
  for (const Expression& part : parts) out.push_back(over(part, total));
  return out;
}

std::vector<Expression> shares_or_even(const std::vector<Expression>& parts, const PmmlDerive& derive) {
  const Expression total = derive("sum", sum(parts));
  const double even = 1 / static_cast<double>(parts.size());
  std::vector<Expression> out;
  for (const Expression& part : parts)
    out.push_back(choose(compare("greaterThan", total, 0), over(part, total), number(even)));
  return out;
}

/// (exp(log)^power - 1) / power
Expression power_of_log(const Expression& log, double power) {
  if (power == 0) return log;
  return over(minus(pmml_apply("exp", {times(number(power), log)}), number(1)), number(power));
}

Expression isotonic(const Expression& x, const std::vector<double>& p) {
  const std::size_t n = p.size() / 2;
  Expression out = number(p[n]);
  for (std::size_t i = 0; i + 1 < n; ++i)
    out = plus(std::move(out), times(number(p[n + i + 1] - p[n + i]),
                                     cut(over(minus(x, number(p[i])), number(p[i + 1] - p[i])), 0, 1)));
  return out;
}

Expression of_one(const RowOperation& o, const Expression& x) {
  const auto& p = o.parameters;
  switch (o.function) {
    case RowFunction::kSigmoid:
      return sigmoid(x);
    case RowFunction::kExp:
      return pmml_apply("exp", {cut(x, -INFINITY, p[0])});
    case RowFunction::kPlatt:
      return sigmoid(plus(times(number(p[0]), logit(x)), number(p[1])));
    case RowFunction::kBeta: {
      const Expression q = cut_probability(x);
      const Expression yes = times(number(p[0]), pmml_apply("ln", {q}));
      const Expression no = times(number(p[1]), pmml_apply("ln", {minus(number(1), q)}));
      return sigmoid(plus(minus(yes, no), number(p[2])));
    }
    case RowFunction::kIsotonic:
      return isotonic(x, p);
    case RowFunction::kAffine:
      return plus(number(p[0]), times(number(p[1]), x));
    case RowFunction::kClip:
      return cut(x, p[0], p[1]);
    case RowFunction::kExpm1:
      return minus(pmml_apply("exp", {x}), number(1));
    default:
      break;
  }
  throw Error(ErrorCode::kUnsupported,
              "can not export: PMML has no form for \"{}\"; use another format, or the model by kolosal.h",
              function_name(o.function));
}

}  // namespace

void PmmlExpression::write(XmlWriter& xml) const {
  if (!field.empty()) return xml.element("FieldRef", {{"field", field}});
  if (function.empty()) return xml.element("Constant", {{"dataType", "double"}}, pmml_literal(constant));
  xml.open("Apply", {{"function", function}});
  for (const PmmlExpression& argument : arguments) argument.write(xml);
  xml.close();
}

PmmlExpression pmml_field(std::string name) { return {.function = "", .field = std::move(name)}; }
PmmlExpression pmml_number(double number) { return {.function = "", .constant = number}; }
PmmlExpression pmml_apply(std::string function, std::vector<PmmlExpression> arguments) {
  return {.function = std::move(function), .arguments = std::move(arguments)};
}

std::string pmml_literal(double number) {
  if (!std::isfinite(number))
    throw Error(ErrorCode::kUnsupported, "can not export: PMML can not hold the number {}", number);
  return fmt::format("{}", number);
}

PmmlExpression pmml_cell(const CellOperation& o, const PmmlExpression& x, const PmmlExpression& y) {
  switch (o.function) {
    case CellFunction::kConstant:
      return number(o.a);
    case CellFunction::kWhole: {
      const auto rounded = [](Expression a) {
        return pmml_apply("floor", {plus(std::move(a), number(0.5))});
      };
      return choose(compare("lessThan", x, 0), negated(rounded(negated(x))), rounded(x));
    }
    case CellFunction::kFill:
    case CellFunction::kFillNan:
      return choose(is_missing(x), number(o.a), x);
    case CellFunction::kIsNotFinite:
    case CellFunction::kIsNan:
      return choose(is_missing(x), number(1), number(0));
    case CellFunction::kScale: {
      const Expression z = over(minus(x, number(o.a)), number(o.b));
      return o.c > 0 ? cut(z, -o.c, o.c) : z;
    }
    case CellFunction::kClip:
      return cut(x, o.a, o.b);
    case CellFunction::kLog1p:
      return only_if(compare("greaterThan", x, -1), log1p(x));
    case CellFunction::kSignedLog1p:
      return choose(compare("lessThan", x, 0), negated(log1p(negated(x))), log1p(x));
    case CellFunction::kFloat:
    case CellFunction::kFloatBounded:
      return x;  // by the type of the field
    case CellFunction::kZeroAsMissing:
      return only_if(compare("greaterThan", pmml_apply("abs", {x}), 1e-35), x);
    case CellFunction::kMinus:
      return minus(x, y);
    case CellFunction::kPlus:
      return plus(x, y);
    case CellFunction::kTimes:
      return times(x, y);
    case CellFunction::kOver:
      return only_if(compare("notEqual", y, 0), over(x, y));
    case CellFunction::kOverReversed:
      return only_if(compare("notEqual", x, 0), over(y, x));
    case CellFunction::kOr:
      return choose(is_missing(x), y, x);
    case CellFunction::kYeoJohnson:
      return choose(compare("lessThan", x, 0), negated(power_of_log(log1p(negated(x)), 2 - o.a)),
                    power_of_log(log1p(x), o.a));
    case CellFunction::kBoxCox:
      return only_if(compare("greaterThan", x, 0), power_of_log(pmml_apply("ln", {x}), o.a));
    case CellFunction::kAbove:
      return only_if(pmml_apply("isNotMissing", {x}),
                     choose(compare("greaterThan", x, o.a), number(1), number(0)));
    case CellFunction::kQuotient:
      return pmml_apply("floor", {over(x, number(o.a))});
    case CellFunction::kSineOfTurns:
    case CellFunction::kCosineOfTurns:
      return pmml_apply(o.function == CellFunction::kSineOfTurns ? "sin" : "cos",
                        {times(x, number(2 * std::numbers::pi))});
    case CellFunction::kNormalOfRank:  // of ranks, which are refused
    case CellFunction::kRamp:
    case CellFunction::kSine:
    case CellFunction::kCosine:
      break;
  }
  throw Error(ErrorCode::kUnsupported,
              "can not export: PMML is written for trees and linear learners only, not for "
              "networks (mlp); train without it (--exclude-models mlp), or use another format");
}

std::vector<PmmlExpression> pmml_row(const RowOperation& o, const std::vector<PmmlExpression>& in,
                                     const PmmlDerive& derive) {
  std::vector<Expression> out;
  const auto each = [&](const auto& make) {
    for (std::size_t k = 0; k < in.size(); ++k) out.push_back(make(k));
  };
  const auto& p = o.parameters;
  switch (o.function) {
    case RowFunction::kSoftmax: {
      const Expression largest = derive("max", pmml_apply("max", in));
      each([&](std::size_t k) { return pmml_apply("exp", {minus(in[k], largest)}); });
      return shares(fields(out, derive), derive);
    }
    case RowFunction::kNormalize:
      return shares_or_even(in, derive);
    case RowFunction::kClassFactors: {
      if (in.size() == 1) {
        const Expression yes = times(in[0], number(p[1])), no = times(minus(number(1), in[0]), number(p[0]));
        return {over(yes, plus(yes, no))};
      }
      each([&](std::size_t k) { return times(in[k], number(p[k])); });
      return shares(fields(out, derive), derive);
    }
    case RowFunction::kTemperature: {
      if (in.size() == 1) return {sigmoid(times(logit(in[0]), number(1 / p[0])))};
      each([&](std::size_t k) {
        return pmml_apply("pow", {pmml_apply("max", {in[k], number(1e-15)}), number(1 / p[0])});
      });
      return shares(fields(out, derive), derive);
    }
    case RowFunction::kPlattPerClass: {
      each([&](std::size_t k) {
        return sigmoid(plus(times(number(p[2 * k]), logit(in[k])), number(p[2 * k + 1])));
      });
      return shares_or_even(fields(out, derive), derive);
    }
    case RowFunction::kSort:
      throw Error(
          ErrorCode::kUnsupported,
          "can not export: PMML has no form for several quantiles in one model; train a model of each "
          "quantile, or use another format");
    default:
      each([&](std::size_t k) { return of_one(o, in[k]); });
      return out;
  }
}

}  // namespace kolosal::infer::exporters
