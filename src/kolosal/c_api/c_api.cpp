#include <algorithm>
#include <memory>
#include <mutex>
#include <new>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>

#include "kolosal/c_api/kolosal.h"
#include "kolosal/core/device.hpp"
#include "kolosal/core/error.hpp"
#include "kolosal/core/thread_pool.hpp"
#include "kolosal/core/version.hpp"
#include "kolosal/data/arrow_bridge.hpp"
#include "kolosal/infer/session.hpp"
#include "kolosal/io/csv_row.hpp"
#include "kolosal/io/json_row.hpp"

namespace {
/// Within the quota and the processors that the process may use.
std::size_t most_threads() {
  static const std::size_t out = kolosal::Hardware::detect().usable_threads();
  return out;
}
}  // namespace

struct kolosal_model {
  explicit kolosal_model(kolosal::infer::Session opened)
      : session(std::move(opened)),
        reader(session.rows().fields()),
        csv_reader(session.rows().fields()),
        schema(describe().dump()) {}

  /// Threads for batches, made once and when they are first wanted.
  kolosal::ThreadPool& threads() const {
    std::call_once(once, [&] { pool.emplace(most_threads()); });
    return *pool;
  }

  nlohmann::json describe() const {
    const auto& model = session.model();
    auto columns = nlohmann::json::array();
    for (const auto& field : session.rows().fields()) {
      nlohmann::json column = {{"name", field.name}, {"type", kolosal::data::type_name(field.type)}};
      if (field.dictionary) column["levels"] = field.dictionary->levels();
      columns.push_back(std::move(column));
    }
    return {{"task", kolosal::data::task_name(model.task)},
            {"target", model.target},
            {"classes", model.classes},
            {"quantiles", model.quantiles},
            {"threshold", model.threshold},
            {"columns", std::move(columns)}};
  }

  const kolosal::infer::Session session;
  const kolosal::io::JsonRowReader reader;
  const kolosal::io::CsvRowReader csv_reader;  // lines in the order of the columns
  const std::string schema;
  mutable std::once_flag once;
  mutable std::optional<kolosal::ThreadPool> pool;
};

namespace {

using kolosal::Error;
using kolosal::ErrorCode;

/// From so many rows of a matrix on, the kernels for many rows are worth a table.
constexpr std::size_t kRowsForTable = 32;
/// Of one table: what a batch takes beside its rows and predictions does not depend on its size.
constexpr std::size_t kTableRows = std::size_t{1} << 16;

thread_local std::string last_error;
thread_local kolosal::infer::RowScratch row_scratch;
thread_local kolosal::io::JsonRowReader::Scratch json_scratch;
thread_local kolosal::io::CsvRowReader::Scratch csv_scratch;

kolosal_status status_of(ErrorCode code) {
  switch (code) {
    case ErrorCode::kUsage:
    case ErrorCode::kInvalidParameter:
      return KOLOSAL_USAGE;
    case ErrorCode::kNotFound:
      return KOLOSAL_NOT_FOUND;
    case ErrorCode::kIo:
      return KOLOSAL_IO;
    case ErrorCode::kData:
      return KOLOSAL_DATA;
    case ErrorCode::kModel:
    case ErrorCode::kNotFitted:
      return KOLOSAL_MODEL;
    case ErrorCode::kUnsupported:
      return KOLOSAL_UNSUPPORTED;
    case ErrorCode::kMemory:
      return KOLOSAL_MEMORY;
    default:
      return KOLOSAL_INTERNAL;
  }
}

/// Runs what may throw.
template <typename Body>
kolosal_status guarded(const Body& body) noexcept try {
  last_error.clear();
  body();
  return KOLOSAL_OK;
} catch (const Error& error) {
  last_error = error.what();
  return status_of(error.code());
} catch (const std::bad_alloc&) {
  last_error = "not enough memory";
  return KOLOSAL_MEMORY;
} catch (const std::exception& error) {
  last_error = error.what();
  return KOLOSAL_INTERNAL;
}

void require(bool condition, const char* what) {
  if (!condition) throw Error(ErrorCode::kUsage, "{}", what);
}

template <typename T>
void predict_table(const kolosal_model& model, const T* rows, std::size_t n_rows, std::size_t stride,
                   std::span<double> out) {
  const auto& fields = model.session.rows().fields();
  kolosal::data::Frame table;
  for (std::size_t c = 0; c < fields.size(); ++c) {
    std::vector<double> column(n_rows);
    for (std::size_t r = 0; r < n_rows; ++r) column[r] = static_cast<double>(rows[r * stride + c]);
    table.add(fields[c].name, kolosal::data::Column::from_float64(std::move(column)));
  }
  std::ranges::copy(model.session.values(table, kolosal::Context()), out.begin());
}

template <typename T>
void predict_matrix(const kolosal_model& model, const T* rows, std::size_t n_rows, std::size_t stride,
                    std::span<double> out) {
  const auto& predictor = model.session.rows();
  const std::size_t n_features = predictor.fields().size(), width = model.session.model().n_outputs();
  if (stride < n_features)
    throw Error(
        ErrorCode::kUsage,
        "a row of the matrix has {} values, and the model has {} columns: \"{}\" is the first without",
        stride, n_features, predictor.fields()[stride].name);
  if (n_rows >= kRowsForTable) {
    for (std::size_t r = 0; r < n_rows; r += kTableRows) {
      const std::size_t n = std::min(kTableRows, n_rows - r);
      predict_table(model, rows + r * stride, n, stride, out.subspan(r * width, n * width));
    }
    return;
  }
  for (std::size_t r = 0; r < n_rows; ++r) {
    const auto cells = predictor.begin_row(row_scratch);
    for (std::size_t c = 0; c < n_features; ++c) {
      const auto value = static_cast<double>(rows[r * stride + c]);
      const auto read = model.reader.field(c).number(value, row_scratch.arena);
      if (read.is_unreadable)
        throw Error(ErrorCode::kData, "row {}: \"{}\" is {} in training, which {} can not be read as", r + 1,
                    predictor.fields()[c].name, kolosal::data::type_name(predictor.fields()[c].type), value);
      cells[c] = read.cell;
    }
    predictor.predict(out.subspan(r * width, width), row_scratch);
  }
}

void predict_json(const kolosal_model& model, std::string_view text, std::span<double> out,
                  std::size_t& n_rows) {
  const auto& predictor = model.session.rows();
  const std::size_t width = model.session.model().n_outputs();
  const auto skip = [&](std::string_view passed_over) {
    text.remove_prefix(std::min(text.size(), text.find_first_not_of(passed_over)));
  };
  skip(" \t\r\n");
  const bool is_array = text.starts_with('[');
  if (is_array) text.remove_prefix(1);
  for (;;) {
    skip(" \t\r\n,");
    if (text.empty() || (is_array && text.front() == ']')) return;
    require((n_rows + 1) * width <= out.size(), "there is too little room for the predictions of all rows");
    const auto cells = predictor.begin_row(row_scratch);
    try {
      text = model.reader.read(text, cells, row_scratch.arena, json_scratch);
    } catch (const Error& error) {
      throw Error(error.code(), "row {}: {}", n_rows + 1, error.what());
    }
    predictor.predict(out.subspan(n_rows * width, width), row_scratch);
    ++n_rows;
  }
}

void predict_csv(const kolosal_model& model, std::string_view text, bool has_header, std::span<double> out,
                 std::size_t& n_rows) {
  const auto& predictor = model.session.rows();
  const std::size_t width = model.session.model().n_outputs();
  constexpr std::string_view kByteOrderMark = "\xEF\xBB\xBF";
  if (text.starts_with(kByteOrderMark)) text.remove_prefix(kByteOrderMark.size());
  std::optional<kolosal::io::CsvRowReader> named;
  if (has_header) {
    named.emplace(predictor.fields(), text);
    text = named->header_end();
  }
  const kolosal::io::CsvRowReader& reader = named ? *named : model.csv_reader;
  for (;; ++n_rows) {
    const auto cells = predictor.begin_row(row_scratch);
    std::optional<std::string_view> rest;
    try {
      rest = reader.read(text, cells, row_scratch.arena, csv_scratch);
    } catch (const Error& error) {
      throw Error(error.code(), "row {}: {}", n_rows + 1, error.what());
    }
    if (!rest) return;
    require((n_rows + 1) * width <= out.size(), "there is too little room for the predictions of all rows");
    text = *rest;
    predictor.predict(out.subspan(n_rows * width, width), row_scratch);
  }
}

}  // namespace

extern "C" {

const char* kolosal_version(void) { return kolosal::kVersion.data(); }

const char* kolosal_last_error(void) { return last_error.c_str(); }

kolosal_status kolosal_open(const char* path, kolosal_model** model) {
  if (model != nullptr) *model = nullptr;
  return guarded([&] {
    require(path != nullptr && model != nullptr, "kolosal_open() needs a path and a place for the model");
    *model = std::make_unique<kolosal_model>(kolosal::infer::Session::open(path)).release();
  });
}

void kolosal_close(kolosal_model* model) { delete model; }

size_t kolosal_n_outputs(const kolosal_model* model) {
  return model == nullptr ? 0 : model->session.model().n_outputs();
}

size_t kolosal_n_features(const kolosal_model* model) {
  return model == nullptr ? 0 : model->session.rows().fields().size();
}

const char* kolosal_schema(const kolosal_model* model) {
  return model == nullptr ? "" : model->schema.c_str();
}

kolosal_status kolosal_predict_json(const kolosal_model* model, const char* text, size_t length, double* out,
                                    size_t room, size_t* n_rows) {
  std::size_t done = 0;
  const kolosal_status status = guarded([&] {
    require(model != nullptr && text != nullptr && out != nullptr, "a pointer is null");
    predict_json(*model, {text, length}, {out, room}, done);
  });
  if (n_rows != nullptr) *n_rows = done;
  return status;
}

kolosal_status kolosal_predict_csv(const kolosal_model* model, const char* text, size_t length,
                                   int has_header, double* out, size_t room, size_t* n_rows) {
  std::size_t done = 0;
  const kolosal_status status = guarded([&] {
    require(model != nullptr && text != nullptr && out != nullptr, "a pointer is null");
    predict_csv(*model, {text, length}, has_header != 0, {out, room}, done);
  });
  if (n_rows != nullptr) *n_rows = done;
  return status;
}

kolosal_status kolosal_predict_matrix(const kolosal_model* model, const double* rows, size_t n_rows,
                                      size_t stride, double* out) {
  return guarded([&] {
    require(model != nullptr && rows != nullptr && out != nullptr, "a pointer is null");
    predict_matrix(*model, rows, n_rows, stride, {out, n_rows * kolosal_n_outputs(model)});
  });
}

kolosal_status kolosal_predict_matrix_f32(const kolosal_model* model, const float* rows, size_t n_rows,
                                          size_t stride, double* out) {
  return guarded([&] {
    require(model != nullptr && rows != nullptr && out != nullptr, "a pointer is null");
    predict_matrix(*model, rows, n_rows, stride, {out, n_rows * kolosal_n_outputs(model)});
  });
}

kolosal_status kolosal_predict_arrow(const kolosal_model* model, const ArrowSchema* schema, ArrowArray* array,
                                     size_t n_threads, double* out, size_t room) {
  return guarded([&] {
    require(model != nullptr && schema != nullptr && array != nullptr && out != nullptr, "a pointer is null");
    const kolosal::data::Frame table = kolosal::data::import_arrow(array, schema);
    require(table.n_rows() * kolosal_n_outputs(model) <= room,
            "there is too little room for the predictions of all rows");
    const std::size_t most = most_threads();
    kolosal::Context context;
    context.n_threads = n_threads > 0 ? std::min(n_threads, most) : most;
    if (context.n_threads > 1) context.pool = &model->threads();
    const std::size_t width = kolosal_n_outputs(model);
    for (std::size_t r = 0; r < table.n_rows() || r == 0; r += kTableRows) {
      const auto part = table.slice(r, std::min(kTableRows, table.n_rows() - r));
      std::ranges::copy(model->session.values(part, context), out + r * width);
    }
  });
}

}  // extern "C"
