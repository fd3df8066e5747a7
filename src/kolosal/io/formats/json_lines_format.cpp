#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstring>

#include "kolosal/core/error.hpp"
#include "kolosal/io/byte_finder_internal.hpp"
#include "kolosal/io/byte_source_internal.hpp"
#include "kolosal/io/cell_text_internal.hpp"
#include "kolosal/io/format.hpp"
#include "kolosal/io/formats/json_table_internal.hpp"
#include "kolosal/io/output_file_internal.hpp"
#include "kolosal/io/window_reader_internal.hpp"

namespace kolosal::io {
namespace {

constexpr std::size_t kFirstWindowBytes = 64 << 20;

std::size_t memory_limit(const ReadOptions& options, const Context& context) {
  return options.memory_limit_bytes > 0 ? options.memory_limit_bytes : context.memory_limit_bytes;
}

bool starts_with_array(std::string_view text) {
  const char* const p = skip_json_blanks(text.data(), text.data() + text.size());
  return p < text.data() + text.size() && *p == '[';
}

[[noreturn]] void throw_empty(const std::string& path) {
  throw Error(ErrorCode::kData, "{} is empty: there is no object in it", path);
}

// The end of the first n lines that are not blank.
const char* end_of_lines(const char* begin, const char* end, std::size_t n) {
  const char* p = begin;
  while (n > 0 && p < end) {
    const void* const newline = std::memchr(p, '\n', static_cast<std::size_t>(end - p));
    const char* const next = newline ? static_cast<const char*>(newline) + 1 : end;
    n -= skip_json_blanks(p, next) < next;
    p = next;
  }
  return p;
}

data::Frame read_jsonl(const std::filesystem::path& path, const ReadOptions& options, const Context& context,
                       ReadReport& report) {
  const std::string shown = shown_path(path);
  const Content content = load_content(path, options.encoding, memory_limit(options, context));
  report.format = "jsonl";
  report.compression = content.compression;
  report.encoding = content.encoding;
  const bool is_array = starts_with_array(content.text());
  JsonWindow window{content.data, content.data + content.size};
  if (is_array) {
    window.begin = static_cast<const char*>(std::memchr(window.begin, '[', content.size)) + 1;
    window.offset = static_cast<std::size_t>(window.begin - content.data);
    window.line = 1 + count_byte(content.data, window.begin, '\n');
  } else if (options.max_rows > 0) {
    window.end = end_of_lines(window.begin, window.end, options.max_rows);
  }
  const JsonTable table(shown, options, is_array);
  const std::vector<JsonPart> parts = table.analyze(window, context);
  std::vector<std::string> names;
  std::vector<ColumnStats> stats;
  table.add(window, parts, 0, names, stats);
  if (names.empty()) throw_empty(shown);
  const std::vector<ColumnPlan> plans = table.plan(names, stats, report);
  data::Frame frame = table.build(window, parts, names, plans, context, &report);
  if (options.max_rows > 0 && frame.n_rows() > options.max_rows) frame = frame.slice(0, options.max_rows);
  report.n_rows = frame.n_rows();
  return frame;
}

/// Batches of a file of JSON lines: a window of the file at a time. An array is read whole and cut.
class JsonStream final : public TableStream {
 public:
  JsonStream(const std::filesystem::path& path, const ReadOptions& options, const Context& context)
      : path_(path),
        options_(options),
        context_(context),
        rows_(path, options.encoding, memory_limit(options, context)),
        table_(shown_path(path), options, false) {
    report_.format = "jsonl";
    report_.compression = rows_.source().compression;
    report_.encoding = rows_.source().encoding;
    const bool once = !rows_.source().is_file;
    rows_.fill(once ? kFirstWindowBytes : options_.batch_bytes);
    if (starts_with_array({rows_.begin(), rows_.size()}))
      throw Error(ErrorCode::kUnsupported,
                  "{} is one JSON array, which can not be read in batches; write one object per line",
                  shown_path(path));
    infer(once);
  }

  const std::vector<std::string>& names() const override { return names_; }
  const ReadReport& report() const override { return report_; }

  std::optional<data::Frame> next() override {
    while (frame_row_ == frame_.n_rows()) {
      if (done(rows_, report_.n_rows)) return {};
      const JsonWindow window = next_window(rows_, line_, options_.batch_bytes, report_.n_rows);
      const std::vector<JsonPart> parts = table_.analyze(window, context_);
      frame_ = table_.build(window, parts, names_, plans_, context_, nullptr);
      frame_row_ = 0;
      report_.n_rows += frame_.n_rows();
      consume(rows_, window, line_);
    }
    const std::size_t left = frame_.n_rows() - frame_row_;
    const std::size_t n = options_.batch_rows == 0 ? left : std::min(left, options_.batch_rows);
    data::Frame batch = frame_.slice(frame_row_, n);
    frame_row_ += n;
    return batch;
  }

 private:
  bool done(const WindowReader& reader, std::size_t n_rows) const {
    return (reader.is_last() && reader.size() == 0) || (options_.max_rows > 0 && n_rows >= options_.max_rows);
  }

  // Whole lines.
  JsonWindow next_window(WindowReader& reader, std::size_t line, std::size_t n_bytes,
                         std::size_t n_rows) const {
    for (;; n_bytes *= 4) {
      reader.fill(n_bytes);
      JsonWindow window{reader.begin(), reader.begin() + std::min(reader.size(), n_bytes), reader.offset(),
                        line};
      const bool is_all = reader.is_last() && window.end == reader.end();
      if (!is_all) {
        const void* const newline =
            ::memrchr(window.begin, '\n', static_cast<std::size_t>(window.end - window.begin));
        if (!newline) continue;
        window.end = static_cast<const char*>(newline) + 1;
      }
      if (options_.max_rows > 0)
        window.end = end_of_lines(window.begin, window.end, options_.max_rows - n_rows);
      return window;
    }
  }

  static void consume(WindowReader& reader, const JsonWindow& window, std::size_t& line) {
    line += count_byte(window.begin, window.end, '\n');
    reader.consume(static_cast<std::size_t>(window.end - window.begin));
  }

  void infer(bool once) {
    std::vector<ColumnStats> stats;
    if (once) {
      const JsonWindow window = next_window(rows_, line_, kFirstWindowBytes, 0);
      table_.add(window, table_.analyze(window, context_), 0, names_, stats);
    } else {
      WindowReader reader(path_, options_.encoding, memory_limit(options_, context_));
      std::size_t line = 1, n_rows = 0;
      reader.fill(options_.batch_bytes);
      while (!done(reader, n_rows)) {
        const JsonWindow window = next_window(reader, line, options_.batch_bytes, n_rows);
        const std::vector<JsonPart> parts = table_.analyze(window, context_);
        table_.add(window, parts, n_rows, names_, stats);
        for (const JsonPart& part : parts) n_rows += part.n_rows;
        consume(reader, window, line);
      }
    }
    if (names_.empty()) throw_empty(shown_path(path_));
    plans_ = table_.plan(names_, stats, report_);
    for (std::size_t i = 0; i < plans_.size(); ++i) {
      if (plans_[i].undecided) plans_[i].type = data::ColumnType::kText;
      plans_[i].undecided = false;
      report_.columns.push_back({names_[i], plans_[i].type, plans_[i].reason});
    }
  }

  std::filesystem::path path_;
  ReadOptions options_;
  Context context_;
  WindowReader rows_;
  JsonTable table_;
  std::size_t line_ = 1;
  std::vector<std::string> names_;
  std::vector<ColumnPlan> plans_;
  ReadReport report_;
  data::Frame frame_;
  std::size_t frame_row_ = 0;
};

std::unique_ptr<TableStream> open_jsonl(const std::filesystem::path& path, const ReadOptions& options,
                                        const Context& context) {
  return std::make_unique<JsonStream>(path, options, context);
}

void append_json_string(std::string_view value, std::string& out) {
  out += '"';
  for (const char c : value) {
    switch (c) {
      case '"':
        out += "\\\"";
        break;
      case '\\':
        out += "\\\\";
        break;
      case '\n':
        out += "\\n";
        break;
      case '\r':
        out += "\\r";
        break;
      case '\t':
        out += "\\t";
        break;
      default:
        if (static_cast<unsigned char>(c) < 0x20)
          out += fmt::format("\\u{:04x}", static_cast<unsigned>(c));
        else
          out += c;
    }
  }
  out += '"';
}

class JsonWriter final : public TableWriter {
 public:
  explicit JsonWriter(const std::filesystem::path& path) : file_(path) {}

  void write(const data::Frame& batch) override {
    std::vector<std::string> keys;
    for (std::size_t i = 0; i < batch.n_columns(); ++i) {
      keys.emplace_back(i == 0 ? "{" : ",");
      append_json_string(batch.name(i), keys.back());
      keys.back() += ':';
    }
    for (std::size_t row = 0; row < batch.n_rows(); ++row) {
      for (std::size_t i = 0; i < batch.n_columns(); ++i) {
        text_ += keys[i];
        append_value(batch.column(i), row);
      }
      text_ += "}\n";
      if (text_.size() >= kFlushBytes) flush();
    }
    flush();
  }

  void close() override {
    flush();
    file_.close();
  }

 private:
  static constexpr std::size_t kFlushBytes = 1 << 20;

  void flush() {
    file_.write(text_);
    text_.clear();
  }

  void append_value(const data::Column& column, std::size_t row) {
    using data::ColumnType;
    if (column.is_missing(row)) {
      text_ += "null";
      return;
    }
    switch (column.type()) {
      case ColumnType::kText:
        append_json_string(column.text(row), text_);
        return;
      case ColumnType::kFloat64:
      case ColumnType::kFloat32:
        // JSON has no infinity, but a number too large is read as one by every reader.
        if (std::isinf(column.number(row))) {
          text_ += column.number(row) < 0 ? "-1e999" : "1e999";
          return;
        }
        [[fallthrough]];
      case ColumnType::kInt64:
      case ColumnType::kBool:
        append_cell_text(column, row, text_);
        return;
      default:
        append_json_string(column.cell_text(row), text_);
        return;
    }
  }

  OutputFile file_;
  std::string text_;
};

std::unique_ptr<TableWriter> create_jsonl(const std::filesystem::path& path, const WriteOptions&,
                                          const Context&) {
  return std::make_unique<JsonWriter>(path);
}

// An object at the start, or an array of objects.
bool is_json(std::string_view head) {
  const char* const end = head.data() + head.size();
  const char* p = skip_json_blanks(head.data(), end);
  if (p < end && *p == '[') p = skip_json_blanks(p + 1, end);
  if (p == end || *p != '{') return false;
  p = skip_json_blanks(p + 1, end);
  return p < end && (*p == '"' || *p == '}');
}

}  // namespace

const Format& jsonl_format() {
  static const Format format{"jsonl",     {".jsonl", ".ndjson", ".json"}, is_json, read_jsonl, open_jsonl,
                             create_jsonl};
  return format;
}

}  // namespace kolosal::io
