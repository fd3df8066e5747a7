#pragma once

#include <gtest/gtest.h>

#include <fstream>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "kolosal/core/testing/temp_folder.hpp"
#include "kolosal/transform/testing/frames.hpp"

// tests/data/selection/golden.json: what scikit-learn, SciPy and imbalanced-learn give;
// tools/golden/selection.py made it.

namespace kolosal::transform {

inline const nlohmann::json& selection_golden() {
  static const nlohmann::json golden = [] {
    std::ifstream file(test_data("selection/golden.json"));
    if (!file) throw Error(ErrorCode::kNotFound, "tests/data/selection/golden.json is missing");
    return nlohmann::json::parse(file);
  }();
  return golden;
}

/// The columns of a matrix in the file, named x0, x1, ...
inline data::Frame golden_frame(const nlohmann::json& columns) {
  data::Frame out;
  for (std::size_t c = 0; c < columns.size(); ++c)
    out.add("x" + std::to_string(c), data::Column::from_float64(columns[c].get<std::vector<double>>()));
  return out;
}

/// A target of the file that keeps its numbers.
struct GoldenTarget {
  std::vector<double> values;
  data::TargetView y;

  GoldenTarget(const nlohmann::json& cells, data::Task task, std::size_t n_classes)
      : values(cells.get<std::vector<double>>()), y{task, values, {}, n_classes} {}
  GoldenTarget(const GoldenTarget&) = delete;
  GoldenTarget& operator=(const GoldenTarget&) = delete;
};

/// The saved state of a step that was fitted on all rows and columns of x.
inline artifact::Node fitted_state(const std::string& step, const ParamMap& params, const data::Frame& x,
                                   const data::TargetView& y) {
  const auto fitted = make_transformer(step, params);
  fitted->fit(x, all_rows(x.n_rows()), y, x.names(), {});
  artifact::Node node;
  fitted->save(node);
  return node;
}

}  // namespace kolosal::transform
