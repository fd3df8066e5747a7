#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "kolosal/infer/exporters/exported_model.hpp"
#include "kolosal/infer/exporters/xml_writer.hpp"

namespace kolosal::infer::exporters {

/// An expression of PMML: a function of others, a field, or a constant.
struct PmmlExpression {
  std::string function;  ///< Empty: a field, or a constant.
  std::vector<PmmlExpression> arguments = {};
  std::string field = {};
  double constant = 0;

  void write(XmlWriter& xml) const;
};

PmmlExpression pmml_field(std::string name);
PmmlExpression pmml_number(double number);
PmmlExpression pmml_apply(std::string function, std::vector<PmmlExpression> arguments);

/// Numbers as PMML writes them. @throws Error kUnsupported for infinities and NaN.
std::string pmml_literal(double number);

/// What an operation gives, of expressions of what it reads. @throws Error kUnsupported.
PmmlExpression pmml_cell(const CellOperation& operation, const PmmlExpression& x, const PmmlExpression& y);
/// Writes a field of its own for an expression that several others read, and gives what refers to it.
using PmmlDerive = std::function<PmmlExpression(std::string_view part, const PmmlExpression& expression)>;
/// The same of an operation on a row. What its outputs share goes into fields by `derive`, so that their size
/// grows with their number and not with its square.
std::vector<PmmlExpression> pmml_row(const RowOperation& operation, const std::vector<PmmlExpression>& in,
                                     const PmmlDerive& derive);

}  // namespace kolosal::infer::exporters
