#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "kolosal/model/forest.hpp"
#include "kolosal/model/linear_leaves.hpp"

namespace kolosal::model {

/// What a file in LightGBM's text format holds.
struct LightgbmModel {
  Forest forest;               ///< With the identity link.
  LinearLeaves linear_leaves;  ///< Of models with linear_tree.
  std::string version;         ///< "v4"
  std::string objective;       ///< "binary sigmoid:1"; empty for one that LightGBM does not know.
  std::vector<std::string> feature_names;
  std::vector<std::string>
      feature_infos;               ///< "[0:1.5]" of a number, "0:3:1" of a category, "none" of a constant
  std::string pandas_categorical;  ///< JSON: the levels of each category column; empty when there is none.
};

/// Reads a model in LightGBM's text format. Every index is checked: the text may be anything.
/// gain: when not null, gets the summed split gain of each feature.
/// @throws Error kModel when it is damaged, or not of the form that is known here.
LightgbmModel read_lightgbm(std::string_view text, std::vector<double>* gain = nullptr);

/// The trees alone, for a model that was just trained: the caller knows the objective. They come behind those
/// of `begun`, which are of the rounds before; gain then goes on, too.
/// @throws Error kModel as read_lightgbm(), and for linear leaves.
Forest forest_from_lightgbm(std::string_view text, std::vector<double>* gain = nullptr, Forest begun = {});

}  // namespace kolosal::model
