#include "kolosal/io/formats/arrow_files.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <set>
#include <utility>

#include "kolosal/core/error.hpp"
#include "kolosal/core/memory.hpp"
#include "kolosal/core/param.hpp"
#include "kolosal/data/arrow_bridge.hpp"
#include "kolosal/io/byte_source_internal.hpp"
#include "kolosal/io/format.hpp"
#include "kolosal/io/formats/arrow_library_internal.hpp"
#include "kolosal/io/formats/arrow_writer_internal.hpp"
#include "kolosal/io/formats/retype_internal.hpp"

namespace kolosal::io {
namespace {

namespace fs = std::filesystem;

std::size_t memory_limit(const ReadOptions& options, const Context& context) {
  return options.memory_limit_bytes > 0 ? options.memory_limit_bytes : context.memory_limit_bytes;
}

/// C structs that release what they hold.
struct Stream : ArrowArrayStream {
  Stream() : ArrowArrayStream{} {}
  ~Stream() { clear(); }
  Stream(const Stream&) = delete;
  Stream& operator=(const Stream&) = delete;
  void clear() {
    if (release) release(this);
  }
};

struct Schema : ArrowSchema {
  Schema() : ArrowSchema{} {}
  ~Schema() { clear(); }
  Schema(const Schema&) = delete;
  Schema& operator=(const Schema&) = delete;
  void clear() {
    if (release) release(this);
  }
};

/// An opened Parquet or Arrow file: its names, and its batches in the order of columns that the user wants.
class ArrowReader {
 public:
  ArrowReader(const fs::path& path, const std::string& format, const ReadOptions& options,
              const Context& context, bool whole)
      : path_(shown_path(path)), format_(format) {
    KolosalArrowReadOptions request{};
    request.format = format_.c_str();
    request.whole = whole ? 1 : 0;
    request.n_threads = static_cast<std::int32_t>(std::clamp<std::size_t>(context.n_threads, 1, 1024));
    request.batch_rows = static_cast<std::int64_t>(options.batch_rows);
    request.batch_bytes = static_cast<std::int64_t>(options.batch_bytes);
    request.max_rows = static_cast<std::int64_t>(options.max_rows);
    choose_source(path, options, context, request);
    open_columns(request, options.columns, memory_limit(options, context));
    read_schema(options.columns);
  }

  const std::string& path() const { return path_; }
  const std::string& compression() const { return content_.compression; }
  const std::vector<std::string>& names() const { return names_; }

  std::optional<data::Frame> next() {
    ArrowArray array{};
    if (stream_.get_next(&stream_, &array) != 0) fail_reading();
    if (!array.release) return {};
    try {
      return data::import_arrow(&array, &schema_).select(names_);
    } catch (const Error& error) {
      throw Error(error.code(), "{}: {}", path_, error.what());
    }
  }

 private:
  /// A plain file is opened by the library; what must be decompressed, or comes from a pipe, is read into
  /// memory first.
  void choose_source(const fs::path& path, const ReadOptions& options, const Context& context,
                     KolosalArrowReadOptions& request) {
    if (path != "-") {
      const OpenedSource opened = open_source(path, "");
      file_ = path.string();
      request.path = file_.c_str();
      if (opened.is_file && opened.compression.empty()) return;
    }
    content_ = load_content(path, "", memory_limit(options, context));
    request.path = nullptr;
    request.data = content_.data;
    request.n_bytes = content_.size;
  }

  void open_columns(KolosalArrowReadOptions& request, const std::vector<std::string>& columns,
                    std::size_t limit) {
    std::vector<const char*> names;
    for (const std::string& name : columns) names.push_back(name.c_str());
    if (!columns.empty()) {
      check_names(request, columns);
      request.columns = names.data();
      request.n_columns = names.size();
    }
    constexpr auto kNoLimit = std::size_t{1} << 62;
    request.limit_bytes = limit < kNoLimit ? static_cast<std::int64_t>(limit) : 0;
    KolosalArrowFileInfo info{};
    const int status = arrow_library().open(&request, &stream_, &info, &error_);
    if (status == kKolosalArrowMemory && request.limit_bytes > 0 &&
        info.estimated_bytes > request.limit_bytes)
      MemoryBudget(limit).check(static_cast<std::size_t>(info.estimated_bytes),
                                fmt::format("reading {}", path_));
    check_opened(status);
  }

  /// Finds wanted columns that are not there, to name the nearest one: a look at the schema costs little.
  void check_names(KolosalArrowReadOptions request, const std::vector<std::string>& columns) {
    request.whole = 0;
    KolosalArrowFileInfo info{};
    check_opened(arrow_library().open(&request, &stream_, &info, &error_));
    read_schema({});
    for (const std::string& column : columns) {
      if (std::ranges::find(names_, column) != names_.end()) continue;
      const std::string near = nearest_name(column, names_);
      throw Error(ErrorCode::kData, "{} has no column '{}'{}", path_, column,
                  near.empty() ? "" : fmt::format("; did you mean '{}'?", near));
    }
    stream_.clear();
    schema_.clear();
  }

  void read_schema(const std::vector<std::string>& columns) {
    if (stream_.get_schema(&stream_, &schema_) != 0) fail_reading();
    names_.clear();
    std::set<std::string> seen;
    for (std::int64_t i = 0; i < schema_.n_children; ++i) {
      names_.emplace_back(schema_.children[i]->name ? schema_.children[i]->name : "");
      if (!seen.insert(names_.back()).second)
        throw Error(ErrorCode::kData, "{} has two columns named '{}'; rename one", path_, names_.back());
    }
    if (!columns.empty()) names_ = columns;
  }

  void check_opened(int status) const {
    if (status != kKolosalArrowOk)
      throw Error(arrow_error_code(status), "{} can not be read as {}: {}", path_, shown_format(format_),
                  error_.text);
  }

  [[noreturn]] void fail_reading() {
    const char* reason = stream_.get_last_error(&stream_);
    throw Error(ErrorCode::kData, "{} can not be read as {}: {}", path_, shown_format(format_),
                reason ? reason : "no reason");
  }

  std::string path_;
  std::string format_;
  std::string file_;
  Content content_;
  Stream stream_;
  Schema schema_;
  std::vector<std::string> names_;
  KolosalArrowError error_{};
};

/// The columns of a batch in their final types; the report tells why.
data::Frame retype_all(const data::Frame& frame, const std::string& path, bool infer,
                       const ReadOptions& options, const Context& context, ReadReport& report) {
  data::Frame out;
  report.columns.clear();
  for (std::size_t i = 0; i < frame.n_columns(); ++i) {
    Retyped typed = retype(frame.column(i), frame.name(i), path, infer, options, context, report);
    report.columns.push_back({frame.name(i), typed.column.type(), std::move(typed.reason)});
    out.add(frame.name(i), std::move(typed.column));
  }
  return out;
}

void check_forced_names(const ReadOptions& options, const ArrowReader& reader) {
  if (options.types_may_be_absent) return;
  for (const auto& [name, type] : options.types) {
    if (name == "*" || std::ranges::find(reader.names(), name) != reader.names().end()) continue;
    const std::string near = nearest_name(name, reader.names());
    throw Error(ErrorCode::kInvalidParameter, "type {} is forced for '{}', which is no column of {}{}", type,
                name, reader.path(), near.empty() ? "" : fmt::format("; did you mean '{}'?", near));
  }
}

data::Frame read_arrow(const fs::path& path, const std::string& format, const ReadOptions& options,
                       const Context& context, ReadReport& report) {
  ArrowReader reader(path, format, options, context, true);
  if (options.columns.empty()) check_forced_names(options, reader);
  auto frame = reader.next();
  KOLOSAL_ASSERT(frame, "a whole table is one batch");
  if (options.max_rows > 0 && frame->n_rows() > options.max_rows) frame = frame->slice(0, options.max_rows);
  report.format = format;
  report.compression = reader.compression();
  report.n_rows = frame->n_rows();
  return retype_all(*frame, reader.path(), true, options, context, report);
}

class ArrowTableStream final : public TableStream {
 public:
  ArrowTableStream(const fs::path& path, const std::string& format, const ReadOptions& options,
                   const Context& context)
      : reader_(path, format, options, context, false), options_(options), context_(context) {
    if (options.columns.empty()) check_forced_names(options, reader_);
    report_.format = format;
    report_.compression = reader_.compression();
  }

  std::optional<data::Frame> next() override {
    const std::size_t n_left = options_.max_rows > 0 ? options_.max_rows - report_.n_rows : ~std::size_t{0};
    if (n_left == 0) return {};
    auto batch = reader_.next();
    if (!batch) return {};
    if (batch->n_rows() > n_left) batch = batch->slice(0, n_left);
    const std::vector<ColumnReport> first = report_.columns;
    data::Frame out = retype_all(*batch, reader_.path(), false, options_, context_, report_);
    if (!first.empty()) out = in_types_of(first, out);
    report_.n_rows += out.n_rows();
    return out;
  }

  const std::vector<std::string>& names() const override { return reader_.names(); }
  const ReadReport& report() const override { return report_; }

 private:
  /// A column of unsigned 64-bit integers is int or float by its values; all batches must agree with the
  /// first.
  data::Frame in_types_of(const std::vector<ColumnReport>& first, const data::Frame& batch) {
    data::Frame out;
    for (std::size_t i = 0; i < batch.n_columns(); ++i) {
      const bool same = batch.column(i).type() == first[i].type;
      out.add(batch.name(i), same ? batch.column(i)
                                  : convert(batch.column(i), batch.name(i), reader_.path(), first[i].type));
    }
    report_.columns = first;
    return out;
  }

  ArrowReader reader_;
  ReadOptions options_;
  Context context_;
  ReadReport report_;
};

bool is_parquet(std::string_view bytes) { return bytes.starts_with("PAR1"); }

/// A file begins with ARROW1 and two zeros; a stream with FF FF FF FF and the small length of its schema
/// message.
bool is_arrow(std::string_view bytes) {
  if (bytes.starts_with(std::string_view("ARROW1\0\0", 8))) return true;
  std::uint32_t n_bytes = 0;
  if (bytes.size() < 8 || !bytes.starts_with("\xff\xff\xff\xff")) return false;
  std::memcpy(&n_bytes, bytes.data() + 4, sizeof n_bytes);
  return n_bytes > 0 && n_bytes % 8 == 0 && n_bytes < (16U << 20);
}

}  // namespace

const Format& parquet_format() {
  static const Format format{
      "parquet",
      {".parquet", ".pq"},
      is_parquet,
      [](const fs::path& path, const ReadOptions& options, const Context& context, ReadReport& report) {
        return read_arrow(path, "parquet", options, context, report);
      },
      [](const fs::path& path, const ReadOptions& options,
         const Context& context) -> std::unique_ptr<TableStream> {
        return std::make_unique<ArrowTableStream>(path, "parquet", options, context);
      },
      [](const fs::path& path, const WriteOptions&, const Context&) {
        return make_arrow_writer(path, "parquet");
      },
  };
  return format;
}

const Format& arrow_format() {
  static const Format format{
      "arrow",
      {".arrow", ".feather", ".ipc", ".arrows"},
      is_arrow,
      [](const fs::path& path, const ReadOptions& options, const Context& context, ReadReport& report) {
        return read_arrow(path, "arrow", options, context, report);
      },
      [](const fs::path& path, const ReadOptions& options,
         const Context& context) -> std::unique_ptr<TableStream> {
        return std::make_unique<ArrowTableStream>(path, "arrow", options, context);
      },
      [](const fs::path& path, const WriteOptions&, const Context&) {
        return make_arrow_writer(path, "arrow");
      },
  };
  return format;
}

}  // namespace kolosal::io
