#pragma once

#include "kolosal/infer/serving/batch_curve.hpp"
#include "kolosal/infer/serving/batch_model.hpp"
#include "kolosal/infer/session.hpp"

namespace kolosal::infer {

/// A model file for a DynamicBatcher. The cells of a row are those of Session::rows().fields(), in that
/// order.
///
/// Many rows go through a table, few one by one; from how many on is measured while it works. The results
/// are those of Session::predict(), to the byte.
/// Threads: const use is safe from many threads.
class SessionModel final : public BatchModel {
 public:
  explicit SessionModel(Session session);

  const Session& session() const { return session_; }
  std::span<const data::Field> fields() const override { return session_.rows().fields(); }
  std::size_t n_outputs() const override { return session_.model().n_outputs(); }
  std::size_t bytes_per_row() const override { return bytes_per_row_; }
  void predict(std::span<const BatchRows> parts) const override;

 private:
  bool uses_table(std::size_t n_rows) const;
  void predict_rows(std::span<const BatchRows> parts) const;
  void predict_table(std::span<const BatchRows> parts) const;

  Session session_;
  data::Frame header_;
  std::size_t bytes_per_row_ = 0;
  mutable BatchCurve one_by_one_, by_table_;
  mutable std::atomic<std::uint32_t> n_choices_{0};
};

}  // namespace kolosal::infer
