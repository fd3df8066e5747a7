#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "kolosal/automl/views.hpp"
#include "kolosal/core/param.hpp"
#include "kolosal/model/estimator.hpp"
#include "kolosal/pipeline/pipeline.hpp"

namespace kolosal::automl {

/// What one trial fits: a learner with parameters on a view, perhaps on chosen columns or resampled rows of
/// it.
struct Candidate {
  std::string label;      ///< "lightgbm small"
  std::string estimator;  ///< registry name
  ParamMap params;
  std::string view;
  double cost = 1;  ///< Expected thread-seconds, relative to the other entries on this table.
  pipeline::FitChoices choices = {};          ///< Made anew within each fold.
  std::optional<std::size_t> continues = {};  ///< The paused trial of the same stage that goes on here.
};

/// An integer parameter; otherwise where it is not given.
std::int64_t integer_param(const ParamMap& params, const char* name, std::int64_t otherwise);

/// The entries in the order in which they are tried (docs/design/search.md tells where the order and the
/// settings come from). Entries that make no sense for the shape are left out. Behind those that nearly
/// always pay come the planner's other choices, which cost time only where there is some.
std::vector<Candidate> make_portfolio(const TableShape& shape);

/// A number that can not be negative and has a long tail.
bool is_skewed(const TableShape& shape);

/// Behind the portfolio an entry for each learner of the registry that it has none of and that can learn such
/// a table: who leaves learners out expects the others to be tried.
std::vector<Candidate> with_every_learner(std::vector<Candidate> portfolio, const TableShape& shape);

/// The learner as it is, on the view that suits it; empty when it can not learn such a table.
std::optional<Candidate> plain_candidate(const model::EstimatorInfo& info, const TableShape& shape);

/// Without the learners that are excluded, and those that this machine does not have; note() tells of the
/// latter why.
std::vector<Candidate> available(std::vector<Candidate> portfolio, const std::vector<std::string>& excluded,
                                 const std::function<void(std::string)>& note);

/// The baseline: fits at once, always.
Candidate constant_candidate();

}  // namespace kolosal::automl
