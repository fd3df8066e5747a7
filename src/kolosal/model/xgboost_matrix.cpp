#include "kolosal/model/xgboost_matrix.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <exception>
#include <limits>
#include <vector>

#include "kolosal/core/error.hpp"

namespace kolosal::model {
namespace {

constexpr float kNaN = std::numeric_limits<float>::quiet_NaN();
constexpr std::size_t kBatchRows = std::size_t{1} << 15;

std::string array_interface(const void* data, std::string_view shape) {
  return fmt::format(R"({{"data": [{}, true], "shape": [{}], "typestr": "<f4", "version": 3}})",
                     reinterpret_cast<std::uintptr_t>(data), shape);
}

/// XGBoost's names of the column types: category and quantity.
std::vector<const char*> feature_types(const data::Frame& x) {
  std::vector<const char*> out;
  for (std::size_t c = 0; c < x.n_columns(); ++c) {
    const data::ColumnType type = x.column(c).type();
    if (!x.column(c).is_numeric() && type != data::ColumnType::kCategory)
      throw Error(ErrorCode::kData,
                  "xgboost can not take column \"{}\" of type {}; encode it as numbers first", x.name(c),
                  data::type_name(type));
    out.push_back(type == data::ColumnType::kCategory ? "c" : "q");
  }
  return out;
}

/// The given rows of a column to out[0], out[stride], ...; missing cells are NaN.
void gather(const data::Column& column, std::span<const std::uint32_t> rows, std::size_t stride, float* out) {
  const auto copy = [&](auto values, auto convert) {
    for (std::size_t i = 0; i < rows.size(); ++i) out[i * stride] = convert(values[rows[i]]);
  };
  // An infinity, also one that float32 makes of a large double, is refused by XGBoost: the largest number
  // stands for it.
  const auto number = [](auto v) {
    constexpr double kLargest = std::numeric_limits<float>::max();
    const auto wide = static_cast<double>(v);
    return static_cast<float>(std::isnan(wide) ? wide : std::clamp(wide, -kLargest, kLargest));
  };
  switch (column.type()) {
    case data::ColumnType::kFloat64:
      copy(column.float64s(), number);
      return;
    case data::ColumnType::kFloat32:
      copy(column.float32s(), number);
      return;
    case data::ColumnType::kCategory:
      copy(column.codes(), [](std::int32_t code) { return code < 0 ? kNaN : static_cast<float>(code); });
      return;
    case data::ColumnType::kBool:
      copy(column.bools(), number);
      break;
    default:
      copy(column.int64s(), number);
      break;
  }
  if (!column.valid_bits()) return;
  for (std::size_t i = 0; i < rows.size(); ++i)
    if (!data::test_bit(column.valid_bits(), column.valid_bit_offset() + rows[i])) out[i * stride] = kNaN;
}

/// Rows of a frame as float32, row by row.
std::vector<float> gather_rows(const data::Frame& x, std::span<const std::uint32_t> rows) {
  std::vector<float> out(rows.size() * x.n_columns());
  for (std::size_t c = 0; c < x.n_columns(); ++c) gather(x.column(c), rows, x.n_columns(), out.data() + c);
  return out;
}

std::string matrix_interface(const std::vector<float>& values, std::size_t n_rows, std::size_t n_columns) {
  return array_interface(values.data(), fmt::format("{}, {}", n_rows, n_columns));
}

/// XGBoost asks for batches, several times over.
class Batches {
 public:
  Batches(const data::Frame& x, std::span<const std::uint32_t> rows)
      : library_(XgboostLibrary::get()), x_(x), rows_(rows), types_(feature_types(x)) {
    void* proxy = nullptr;
    library_.check(library_.proxy_create(&proxy));
    proxy_.reset(proxy);
  }

  void* proxy() const { return proxy_.get(); }
  /// What next() could not throw through C.
  void rethrow() const {
    if (error_) std::rethrow_exception(error_);
  }

  static void reset(void* self) { static_cast<Batches*>(self)->begin_ = 0; }
  static int next(void* self) noexcept {
    auto& batches = *static_cast<Batches*>(self);
    try {
      return batches.give() ? 1 : 0;
    } catch (...) {
      batches.error_ = std::current_exception();
      return 0;
    }
  }

 private:
  bool give() {
    if (begin_ >= rows_.size()) return false;
    const auto rows = rows_.subspan(begin_, std::min(kBatchRows, rows_.size() - begin_));
    begin_ += rows.size();
    values_ = gather_rows(x_, rows);
    const std::string array = matrix_interface(values_, rows.size(), x_.n_columns());
    library_.check(library_.proxy_set_dense(proxy_.get(), array.c_str()));
    library_.check(library_.matrix_set_text(proxy_.get(), "feature_type", types_.data(), types_.size()));
    return true;
  }

  const XgboostLibrary& library_;
  const data::Frame& x_;
  std::span<const std::uint32_t> rows_;
  std::vector<const char*> types_;
  XgboostMatrix proxy_;
  std::vector<float> values_;  // the batch, row by row
  std::size_t begin_ = 0;
  std::exception_ptr error_;
};

}  // namespace

XgboostMatrix bin_rows(const data::Frame& x, std::span<const std::uint32_t> rows, std::size_t max_bin,
                       void* reference, const Context& context) {
  const XgboostLibrary& library = XgboostLibrary::get();
  Batches batches(x, rows);
  const std::string config = fmt::format(R"({{"missing": NaN, "nthread": {}, "max_bin": {}}})",
                                         std::max<std::size_t>(context.n_threads, 1), max_bin);
  void* handle = nullptr;
  const int code = library.quantile_matrix_create(&batches, batches.proxy(), reference, Batches::reset,
                                                  Batches::next, config.c_str(), &handle);
  XgboostMatrix out(handle);
  batches.rethrow();
  library.check(code);
  return out;
}

XgboostMatrix copy_rows(const data::Frame& x, std::span<const std::uint32_t> rows, const Context& context) {
  const XgboostLibrary& library = XgboostLibrary::get();
  std::vector<const char*> types = feature_types(x);
  const std::vector<float> values = gather_rows(x, rows);
  const std::string array = matrix_interface(values, rows.size(), x.n_columns());
  const std::string config =
      fmt::format(R"({{"missing": NaN, "nthread": {}}})", std::max<std::size_t>(context.n_threads, 1));
  void* handle = nullptr;
  library.check(library.matrix_from_dense(array.c_str(), config.c_str(), &handle));
  XgboostMatrix out(handle);
  library.check(library.matrix_set_text(handle, "feature_type", types.data(), types.size()));
  return out;
}

void set_info(void* matrix, const char* field, std::span<const float> values) {
  const XgboostLibrary& library = XgboostLibrary::get();
  const std::string array = array_interface(values.data(), fmt::format("{}", values.size()));
  library.check(library.matrix_set_info(matrix, field, array.c_str()));
}

}  // namespace kolosal::model
