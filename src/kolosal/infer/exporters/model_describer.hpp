#pragma once

#include <map>
#include <string>
#include <vector>

#include "kolosal/infer/exporters/exported_model.hpp"

namespace kolosal::infer::exporters {

/// A column between two steps: its header (type, dictionary) is kept beside it, in a frame without rows.
struct DescribedColumn {
  std::string name;
  /// The one value of a number or category, or those of a sparse column by index. Empty: the column has no
  /// value in a description (text), and only steps that leave it out may have it. A date is read by
  /// date_parts alone.
  std::vector<ValueId> values;
};

/// Columns as they come out of a recipe.
struct DescribedTable {
  data::Frame header;  ///< No rows.
  std::vector<DescribedColumn> columns;
};

/// Writes the description of a model, step by step; describe_model() is the way to call it.
class ModelDescriber {
 public:
  explicit ModelDescriber(const pipeline::Model& model);
  ExportedModel finish() { return std::move(out_); }

  // For the descriptions of steps and learners.
  ValueId add_number(std::string name) { return add_value({std::move(name)}); }
  ValueId add_value(ExportedValue value);
  /// n values one after another, called name[0], name[1], ...; the first. A copy: names of values move as
  /// values are added.
  ValueId add_numbers(std::string name, std::size_t n);
  const ExportedValue& value(ValueId id) const { return out_.values[id]; }
  void add(ExportedOperation operation) { out_.operations.push_back(std::move(operation)); }
  /// The value of a function of a value; named as that is.
  ValueId apply(CellFunction function, ValueId in, double a = 0, double b = 0, double c = 0);
  ValueId combine(CellFunction function, ValueId in, ValueId in2, std::string name);
  ValueId constant(double number);
  /// Outputs after a function of the row.
  ValueId apply(RowFunction function, ValueId first_in, std::size_t width,
                std::vector<double> parameters = {});

 private:
  DescribedTable take_inputs(const data::Schema& schema);
  DescribedTable append(const transform::Recipe& recipe, DescribedTable table);
  DescribedTable append_step(const transform::Transformer& step, const DescribedTable& table);
  ValueId add_voice(const pipeline::Pipeline& pipeline, const DescribedTable& view);
  void add_finish(const pipeline::Model& model, ValueId blended);

  ExportedModel out_;
  std::map<double, ValueId> constants_;
};

/// The columns that a fitted step makes of its inputs. inputs: headers with the step's own columns, no rows;
/// made: those that it makes. @throws Error kUnsupported as describe_model().
std::vector<DescribedColumn> describe_step(ModelDescriber& to, const transform::Transformer& step,
                                           const DescribedTable& inputs, const data::Frame& made);

/// Raw sums of `width` outputs after the link of trees.
ValueId describe_link(ModelDescriber& to, model::Link link, double parameter, ValueId first,
                      std::size_t width);

/// The outputs of a fitted learner, n_outputs() from the value that is given. table: exactly its features.
/// @throws Error kUnsupported as describe_model().
ValueId describe_learner(ModelDescriber& to, const pipeline::Pipeline& pipeline, const DescribedTable& table);

}  // namespace kolosal::infer::exporters
