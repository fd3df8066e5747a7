#include "kolosal/infer/serving/session_model.hpp"

#include <algorithm>
#include <vector>

#include "kolosal/core/context.hpp"
#include "kolosal/data/cell_rows.hpp"

namespace kolosal::infer {
namespace {

/// Below so many rows a table has never paid.
constexpr std::size_t kFewestForTable = 4;
/// The way that was slower is tried again once in so many batches.
constexpr std::uint32_t kRetry = 64;

/// Columns of doubles of each step of the way: fields, the columns of each learner, its predictions.
std::size_t bytes_of_row(const pipeline::Model& model, std::size_t n_fields) {
  std::size_t n_values = n_fields + 2 * model.n_outputs();
  for (const pipeline::Member& member : model.members)
    for (const pipeline::Pipeline& pipeline : member.pipelines)
      n_values += pipeline.estimator().feature_names().size() + model.n_outputs();
  return n_values * sizeof(double);
}

}  // namespace

SessionModel::SessionModel(Session session)
    : session_(std::move(session)),
      header_(data::Schema(session_.rows().fields()).empty_frame()),
      bytes_per_row_(bytes_of_row(session_.model(), session_.rows().fields().size())) {
  session_.pack();
}

void SessionModel::predict(std::span<const BatchRows> parts) const {
  std::size_t n_rows = 0;
  for (const BatchRows& part : parts) n_rows += part.n_rows;
  if (n_rows < kFewestForTable) return predict_rows(parts);
  const bool by_table = uses_table(n_rows);
  const double start_s = Clock::system().now_s();
  by_table ? predict_table(parts) : predict_rows(parts);
  (by_table ? by_table_ : one_by_one_).note(n_rows, Clock::system().now_s() - start_s);
}

bool SessionModel::uses_table(std::size_t n_rows) const {
  const double table = by_table_.seconds_per_row(n_rows), rows = one_by_one_.seconds_per_row(n_rows);
  if (rows == 0) return false;
  if (table == 0) return true;
  const bool retries = n_choices_.fetch_add(1, std::memory_order_relaxed) % kRetry == 0;
  return (table < rows) != retries;
}

void SessionModel::predict_rows(std::span<const BatchRows> parts) const {
  thread_local RowScratch scratch;
  const RowPredictor& predictor = session_.rows();
  const std::size_t n_cells = predictor.fields().size(), width = n_outputs();
  for (const BatchRows& part : parts)
    for (std::size_t r = 0; r < part.n_rows; ++r) {
      std::ranges::copy(part.cells.subspan(r * n_cells, n_cells), predictor.begin_row(scratch).begin());
      predictor.predict(part.out.subspan(r * width, width), scratch);
    }
}

void SessionModel::predict_table(std::span<const BatchRows> parts) const {
  std::vector<std::span<const data::RowCell>> cells;
  for (const BatchRows& part : parts) cells.push_back(part.cells);
  const auto values = session_.values(data::frame_of_rows(header_, cells), Context());
  auto from = values.begin();
  for (const BatchRows& part : parts) {
    std::copy_n(from, part.out.size(), part.out.begin());
    from += static_cast<std::ptrdiff_t>(part.out.size());
  }
}

}  // namespace kolosal::infer
