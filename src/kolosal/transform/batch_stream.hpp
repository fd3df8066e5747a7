#pragma once

#include <functional>
#include <memory>
#include <optional>

#include "kolosal/data/frame.hpp"
#include "kolosal/data/target.hpp"

namespace kolosal::transform {

/// Some rows of a table that is read batch by batch.
struct Batch {
  data::Frame x;
  data::TargetView y;                     ///< No values: there is no target.
  std::shared_ptr<const void> y_owner{};  ///< Holds what y views; null when that outlives the stream.
};

/// One pass over the rows of a table, in order; a batch is read while the one before it is in use. All
/// batches have the same column names and types; a category column may have another dictionary in each.
class BatchStream {
 public:
  virtual ~BatchStream() = default;
  /// Empty at the end.
  virtual std::optional<Batch> next() = 0;
};

/// Opens a pass from the first row on, every time it is called.
using BatchSource = std::function<std::unique_ptr<BatchStream>()>;

}  // namespace kolosal::transform
