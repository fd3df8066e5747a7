#pragma once

#include <string>
#include <vector>

#include "kolosal/data/frame.hpp"
#include "kolosal/pipeline/model.hpp"

namespace kolosal::infer::testing {

/// Every type of column that a user's table has, with holes: number, skewed (with infinities), whole, moment,
/// flag, few and many (categories), text.
data::Frame mixed_table(std::size_t n_rows);
/// A target that number, few and many of mixed_table() tell something of; three classes where it has several.
std::vector<double> mixed_target(const data::Frame& x, data::Task task);

/// The columns of mixed_table() that are neither moments nor texts.
data::Frame plain_mixed_table(std::size_t n_rows);
/// A model of one learner behind some steps, of plain_mixed_table().
pipeline::Model mixed_model(data::Task task, const std::string& learner, const ParamMap& params,
                            const std::vector<transform::StepSpec>& steps);

}  // namespace kolosal::infer::testing
