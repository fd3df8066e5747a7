#include <fmt/format.h>

#include <algorithm>
#include <optional>

#include "kolosal/core/error.hpp"
#include "kolosal/io/byte_source_internal.hpp"
#include "kolosal/io/cell_text_internal.hpp"
#include "kolosal/io/format.hpp"
#include "kolosal/io/formats/csv_table_internal.hpp"
#include "kolosal/io/output_file_internal.hpp"
#include "kolosal/io/window_reader_internal.hpp"

namespace kolosal::io {
namespace {

// What types the columns of a stream that can be read only once.
constexpr std::size_t kFirstWindowBytes = 64 << 20;

std::size_t memory_limit(const ReadOptions& options, const Context& context) {
  return options.memory_limit_bytes > 0 ? options.memory_limit_bytes : context.memory_limit_bytes;
}

void fill_report(const CsvHead& head, const std::string& compression, const std::string& encoding,
                 ReadReport& report) {
  report.format = "csv";
  report.compression = compression;
  report.encoding = encoding;
  report.delimiter = head.dialect.delimiter;
  report.header = head.has_header;
}

[[noreturn]] void throw_no_rows(const std::string& path, const ReadReport& report) {
  if (report.n_skipped_rows > 0)
    throw Error(ErrorCode::kData, "{} has no usable row: all {} have a wrong number of cells", path,
                report.n_skipped_rows);
  throw Error(ErrorCode::kData, "{} has a header and no rows below it{}", path,
              report.header ? "; when its only line is data, say so with --no-header" : "");
}

// The header may hold what is no text too.
void check_header(std::string_view header, const std::string& path, char newline) {
  if (const char* const bad = find_bad_byte(header.data(), header.data() + header.size()))
    throw_bad_byte(bad, path, static_cast<std::size_t>(bad - header.data()),
                   1 + count_byte(header.data(), bad, newline));
}

data::Frame read_csv(const std::filesystem::path& path, const ReadOptions& options, const Context& context,
                     ReadReport& report) {
  const std::string shown = shown_path(path);
  const Content content = load_content(path, options.encoding, memory_limit(options, context));
  const CsvTable table(*read_csv_head(content.text(), true, shown, options, report.notes), shown, options);
  const CsvHead& head = table.head();
  fill_report(head, content.compression, content.encoding, report);
  check_header(content.text().substr(0, head.data_begin), shown, head.dialect.newline);

  CsvWindow window;
  window.begin = content.data + head.data_begin;
  window.end = content.data + content.size;
  window.offset = head.data_begin;
  window.line = 1 + count_byte(content.data, window.begin, head.dialect.newline);
  if (options.max_rows > 0) window.end = table.end_of_rows(window, options.max_rows);
  window.is_mapped = content.is_mapped;
  std::optional<CsvAttempt> attempt = table.attempt(window, nullptr, context);
  const std::vector<CsvPart> parts = attempt ? std::move(attempt->parts) : table.analyze(window, context);
  for (const CsvPart& part : parts) {
    report.n_rows += part.n_rows;
    report.n_skipped_rows += part.n_bad_rows;
  }
  if (report.n_rows == 0) throw_no_rows(shown, report);
  const std::vector<ColumnPlan> plans = table.plan(table.merge_stats(window, parts), report);
  return table.build(window, parts, plans, context, &report, attempt ? &*attempt : nullptr);
}

/// Batches of a CSV file: a window of the file at a time.
class CsvStream final : public TableStream {
 public:
  CsvStream(const std::filesystem::path& path, const ReadOptions& options, const Context& context)
      : path_(path),
        options_(options),
        context_(context),
        limit_(memory_limit(options, context)),
        rows_(path, options.encoding, limit_) {
    const bool once = !rows_.source().is_file;
    std::optional<CsvHead> found;
    for (std::size_t n_bytes = once ? kFirstWindowBytes : options_.batch_bytes; !found; n_bytes *= 4) {
      rows_.fill(n_bytes);
      found = read_csv_head({rows_.begin(), rows_.size()}, rows_.is_last(), shown_path(path), options,
                            report_.notes);
    }
    table_.emplace(std::move(*found), shown_path(path), options);
    const CsvHead& head = table_->head();
    fill_report(head, rows_.source().compression, rows_.source().encoding, report_);
    check_header({rows_.begin(), head.data_begin}, shown_path(path), head.dialect.newline);
    skip_header(rows_, line_);
    infer_types(once);
  }

  const std::vector<std::string>& names() const override { return table_->names(); }
  const ReadReport& report() const override { return report_; }

  std::optional<data::Frame> next() override {
    if (const auto batch = next_of_window()) return batch;
    while (!done()) {
      window_ = read_window();
      window_row_ = 0;
      if (auto batch = next_of_window()) return batch;
    }
    if (report_.n_rows == 0) throw_no_rows(shown_path(path_), report_);
    return {};
  }

 private:
  bool done() const {
    return (rows_.is_last() && rows_.size() == 0) ||
           (options_.max_rows > 0 && report_.n_rows >= options_.max_rows);
  }

  void skip_header(WindowReader& reader, std::size_t& line) const {
    line = 1 + count_byte(reader.begin(), reader.begin() + table_->head().data_begin,
                          table_->head().dialect.newline);
    reader.consume(table_->head().data_begin);
  }

  // One window of whole records: larger than a batch only when one record is.
  struct Step {
    CsvWindow window;
    std::vector<CsvPart> parts;
    std::optional<CsvAttempt> attempt;
    std::size_t n_rows = 0;
    std::size_t n_bad_rows = 0;
  };
  // `guess`: the plans by which cells are read at once; null: made from a sample.
  Step read_step(WindowReader& reader, std::size_t line, std::size_t n_bytes, std::size_t rows_left,
                 const std::vector<ColumnPlan>* guess) const {
    for (;; n_bytes *= 4) {
      reader.fill(n_bytes);
      Step step;
      const bool whole = reader.size() <= n_bytes;
      step.window = {reader.begin(), whole ? reader.end() : reader.begin() + n_bytes,
                     whole && reader.is_last(), reader.offset(), line};
      if (rows_left > 0) {
        const char* const end = table_->end_of_rows(step.window, rows_left);
        if (end < step.window.end) {
          step.window.end = end;
          step.window.is_last = true;
        }
      }
      step.attempt = table_->attempt(step.window, guess, context_);
      step.parts = step.attempt ? std::move(step.attempt->parts) : table_->analyze(step.window, context_);
      for (const CsvPart& part : step.parts) {
        step.n_rows += part.n_rows;
        step.n_bad_rows += part.n_bad_rows;
      }
      if (step.parts.back().end > step.window.begin || step.window.is_last) return step;
    }
  }

  void consume(WindowReader& reader, const Step& step, std::size_t& line) const {
    // A last window is done with, even when only blank lines were left of it.
    const char* const end = step.window.is_last ? step.window.end : step.parts.back().end;
    line += count_byte(reader.begin(), end, table_->head().dialect.newline);
    reader.consume(static_cast<std::size_t>(end - reader.begin()));
  }

  // Levels would need the whole table.
  static void decide_texts(std::vector<ColumnPlan>& plans) {
    for (ColumnPlan& plan : plans) {
      if (plan.undecided) plan.type = data::ColumnType::kText;
      plan.undecided = false;
    }
  }

  // Types by all rows of a file, or by the first window of what can be read only once.
  void infer_types(bool once) {
    const bool needed =
        std::any_of(table_->forced().begin(), table_->forced().end(),
                    [](const ColumnPlan& plan) { return !plan.forced || is_moment_type(plan.type); });
    std::vector<ColumnStats> stats(table_->names().size());
    if (needed && once) {
      const Step step = read_step(rows_, line_, kFirstWindowBytes, options_.max_rows, nullptr);
      stats = table_->merge_stats(step.window, step.parts);
    } else if (needed) {
      WindowReader reader(path_, options_.encoding, limit_);
      reader.fill(std::max(options_.batch_bytes, table_->head().data_begin));
      std::size_t line = 1, n_rows = 0;
      skip_header(reader, line);
      std::vector<ColumnPlan> guess;
      while (!(reader.is_last() && reader.size() == 0) &&
             (options_.max_rows == 0 || n_rows < options_.max_rows)) {
        const Step step = read_step(reader, line, options_.batch_bytes,
                                    options_.max_rows == 0 ? 0 : options_.max_rows - n_rows,
                                    guess.empty() ? nullptr : &guess);
        const std::vector<ColumnStats> found = table_->merge_stats(step.window, step.parts);
        for (std::size_t i = 0; i < stats.size(); ++i) stats[i].merge(found[i]);
        ReadReport unused;
        guess = table_->plan(stats, unused);
        decide_texts(guess);
        n_rows += step.n_rows;
        consume(reader, step, line);
      }
    }
    plans_ = table_->plan(stats, report_);
    decide_texts(plans_);
    for (std::size_t i = 0; i < plans_.size(); ++i)
      report_.columns.push_back({table_->names()[i], plans_[i].type, plans_[i].reason});
  }

  data::Frame read_window() {
    Step step = read_step(rows_, line_, options_.batch_bytes,
                          options_.max_rows == 0 ? 0 : options_.max_rows - report_.n_rows, &plans_);
    data::Frame frame = table_->build(step.window, step.parts, plans_, context_, nullptr,
                                      step.attempt ? &*step.attempt : nullptr);
    report_.n_rows += step.n_rows;
    report_.n_skipped_rows += step.n_bad_rows;
    consume(rows_, step, line_);
    return frame;
  }

  std::optional<data::Frame> next_of_window() {
    const std::size_t left = window_.n_rows() - window_row_;
    if (left == 0) return {};
    const std::size_t n = options_.batch_rows == 0 ? left : std::min(left, options_.batch_rows);
    data::Frame batch = window_.slice(window_row_, n);
    window_row_ += n;
    return batch;
  }

  std::filesystem::path path_;
  ReadOptions options_;
  Context context_;
  std::size_t limit_;
  WindowReader rows_;
  std::size_t line_ = 1;
  std::optional<CsvTable> table_;
  std::vector<ColumnPlan> plans_;
  ReadReport report_;
  data::Frame window_;
  std::size_t window_row_ = 0;
};

std::unique_ptr<TableStream> open_csv(const std::filesystem::path& path, const ReadOptions& options,
                                      const Context& context) {
  return std::make_unique<CsvStream>(path, options, context);
}

class CsvWriter final : public TableWriter {
 public:
  CsvWriter(const std::filesystem::path& path, const WriteOptions& options) : file_(path) {
    delimiter_ = options.delimiter;
    if (delimiter_ == 0) delimiter_ = without_compression(path).extension() == ".tsv" ? '\t' : ',';
  }

  void write(const data::Frame& batch) override {
    if (!has_header_) {
      for (std::size_t i = 0; i < batch.n_columns(); ++i) {
        if (i > 0) text_ += delimiter_;
        append_string(batch.name(i));
      }
      text_ += '\n';
      has_header_ = true;
    }
    for (std::size_t row = 0; row < batch.n_rows(); ++row) {
      for (std::size_t i = 0; i < batch.n_columns(); ++i) {
        if (i > 0) text_ += delimiter_;
        append_cell(batch.column(i), row);
      }
      // Readers skip an empty line.
      if (batch.n_columns() == 1 && batch.column(0).is_missing(row)) text_ += "\"\"";
      text_ += '\n';
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

  void append_cell(const data::Column& column, std::size_t row) {
    if (column.is_missing(row)) return;
    if (column.type() == data::ColumnType::kText)
      append_string(column.text(row));
    else if (column.type() == data::ColumnType::kCategory)
      append_string(column.dictionary()->level(column.codes()[row]));
    else
      append_cell_text(column, row, text_);
  }

  // Quoted when it is needed to be read back as it is; an empty string always, since a missing cell is
  // nothing at all.
  void append_string(std::string_view value) {
    const bool plain = !value.empty() && value.find_first_of(special_) == std::string_view::npos;
    if (plain && value.find(delimiter_) == std::string_view::npos) {
      text_ += value;
      return;
    }
    text_ += '"';
    for (const char c : value) {
      if (c == '"') text_ += '"';
      text_ += c;
    }
    text_ += '"';
  }

  static constexpr std::string_view special_ = "\"\r\n";
  OutputFile file_;
  char delimiter_ = ',';
  bool has_header_ = false;
  std::string text_;
};

std::unique_ptr<TableWriter> create_csv(const std::filesystem::path& path, const WriteOptions& options,
                                        const Context&) {
  return std::make_unique<CsvWriter>(path, options);
}

}  // namespace

const Format& csv_format() {
  static const Format format{"csv",    {".csv", ".tsv", ".tab", ".txt", ".psv", ".data", ".dat"},
                             nullptr,  read_csv,
                             open_csv, create_csv};
  return format;
}

}  // namespace kolosal::io
