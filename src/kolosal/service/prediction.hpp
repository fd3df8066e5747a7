#pragma once

#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "kolosal/core/context.hpp"
#include "kolosal/infer/session.hpp"
#include "kolosal/io/table_reader.hpp"
#include "kolosal/io/table_writer.hpp"
#include "kolosal/transform/drift.hpp"

namespace kolosal::service {

/// Column types that make a file match a model's schema: numbers as floats, levels and texts as category (so
/// that missing tokens count as missing), times as timestamps. Columns that the model does not use are left
/// to inference.
std::map<std::string, std::string> types_for(const data::Schema& schema);

/// Adds what a batch's conform() reported to the report of the whole table.
void add_report(data::ConformReport& sum, const data::ConformReport& batch);

struct PredictRequest {
  std::filesystem::path model;
  std::filesystem::path data;
  std::filesystem::path output = "-";
  bool proba = false;               ///< adds proba_<class> for each class
  std::optional<double> interval;   ///< adds lower and upper, or set, that hold for this share of rows
  std::optional<double> threshold;  ///< in place of the model's, for two classes
  std::vector<std::string> keep;    ///< input columns that go first in the result, as they are in the file
  io::ReadOptions read;
  io::WriteOptions write;
};

struct PredictReport {
  std::size_t n_rows = 0;
  data::ConformReport conform;
  transform::DriftReport
      drift;  ///< From the rows that the model was trained on; older models do not know them.
  std::vector<std::string> notes;
};

/// Predicts a file batch by batch: memory does not grow with the number of rows. The result has the kept
/// columns, "prediction", and if asked "lower" and "upper" (numbers) or "set" (classes, joined by "|"), and
/// the probabilities.
/// @throws Error kData when a feature column is absent or holds another type (line, column, value); kUsage
/// for probabilities of a regression model, a threshold for other than two classes, an interval of a model
/// without conformal scores; kInvalidParameter for a level or threshold that can not be.
PredictReport predict_file(const PredictRequest& request, const Context& context);

}  // namespace kolosal::service
