#include "kolosal/infer/serving/batch_call.hpp"

#include "kolosal/core/error.hpp"

namespace kolosal::infer {

std::string_view batch_status_name(BatchStatus status) noexcept {
  constexpr std::array<std::string_view, 7> kNames = {
      "waiting", "done", "queue_full", "deadline_passed", "cancelled", "shut_down", "failed"};
  return kNames[static_cast<std::size_t>(status)];
}

void check_request(const BatchRequest& request) {
  KOLOSAL_ASSERT(request.model, "a request has a model");
  const BatchRows& rows = request.rows;
  if (rows.cells.size() != rows.n_rows * request.model->n_fields())
    throw Error(ErrorCode::kInvalidParameter, "{} rows of {} fields are {} cells, not {}", rows.n_rows,
                request.model->n_fields(), rows.n_rows * request.model->n_fields(), rows.cells.size());
  if (rows.out.size() != rows.n_rows * request.model->n_outputs())
    throw Error(ErrorCode::kInvalidParameter, "{} rows of {} predictions need room for {}, not {}",
                rows.n_rows, request.model->n_outputs(), rows.n_rows * request.model->n_outputs(),
                rows.out.size());
}

void BatchCallList::push_back(BatchCall& call) {
  call.next_[link_] = nullptr;
  call.previous_[link_] = last_;
  call.is_listed_[link_] = true;
  (last_ ? last_->next_[link_] : first_) = &call;
  last_ = &call;
}

void BatchCallList::remove(BatchCall& call) {
  BatchCall* const next = call.next_[link_];
  BatchCall* const previous = call.previous_[link_];
  (previous ? previous->next_[link_] : first_) = next;
  (next ? next->previous_[link_] : last_) = previous;
  call.next_[link_] = call.previous_[link_] = nullptr;
  call.is_listed_[link_] = false;
}

BatchCall* BatchCallList::pop_front() {
  BatchCall* const call = first_;
  if (call) remove(*call);
  return call;
}

}  // namespace kolosal::infer
