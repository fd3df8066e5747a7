#include <exception>
#include <map>
#include <utility>
#include <vector>

#include "kolosal/core/error.hpp"
#include "kolosal/data/arrow_bridge.hpp"
#include "kolosal/io/formats/arrow_library_internal.hpp"
#include "kolosal/io/formats/arrow_writer_internal.hpp"
#include "kolosal/io/output_file_internal.hpp"

namespace kolosal::io {
namespace {

namespace fs = std::filesystem;

/// Recodes category columns whose dictionary changes from batch to batch: an Arrow file can have one
/// dictionary per column, which may only grow at its end.
class GrowingDictionary {
 public:
  data::Column recode(const data::Column& column) {
    const auto& dictionary = *column.dictionary();
    if (!levels_) {
      levels_ = column.dictionary();
      return column;
    }
    if (levels_ == column.dictionary() || levels_->levels() == dictionary.levels()) return column;
    std::vector<std::string> levels = levels_->levels();
    std::vector<std::int32_t> code_of;
    for (const std::string& level : dictionary.levels()) {
      std::int32_t code = levels_->find(level);
      if (code < 0) {
        code = static_cast<std::int32_t>(levels.size());
        levels.push_back(level);
      }
      code_of.push_back(code);
    }
    if (levels.size() > levels_->levels().size())
      levels_ = std::make_shared<const data::Dictionary>(std::move(levels));
    std::vector<std::int32_t> codes(column.codes().begin(), column.codes().end());
    for (std::int32_t& code : codes)
      if (code >= 0) code = code_of[static_cast<std::size_t>(code)];
    return data::Column::from_category(std::move(codes), levels_);
  }

 private:
  std::shared_ptr<const data::Dictionary> levels_;
};

class ArrowWriter final : public TableWriter {
 public:
  ArrowWriter(const fs::path& path, const std::string& format)
      : library_(arrow_library()),
        shown_path_(path == "-" ? "the standard output" : path.string()),
        shown_format_(shown_format(format)),
        format_(path == "-" && format == "arrow" ? "arrow_stream" : format),
        file_(path) {}

  ~ArrowWriter() override { library_.free(writer_); }

  void write(const data::Frame& batch) override {
    data::Frame rows;
    for (std::size_t i = 0; i < batch.n_columns(); ++i) {
      const data::Column& column = batch.column(i);
      const bool grows = column.type() == data::ColumnType::kCategory && format_ != "parquet";
      rows.add(batch.name(i), grows ? dictionaries_[batch.name(i)].recode(column) : column);
    }
    ArrowArray array{};
    ArrowSchema schema{};
    data::export_arrow(rows, &array, &schema);
    if (writer_)
      schema.release(&schema);
    else
      create(array, schema);
    check(library_.write(writer_, &array, &error_));
  }

  void close() override {
    if (!writer_) write(data::Frame());
    check(library_.close(writer_, &error_));
    file_.close();
  }

 private:
  void create(ArrowArray& array, ArrowSchema& schema) {
    const KolosalArrowSink sink{this, &ArrowWriter::take_bytes};
    const int status = library_.create(&sink, format_.c_str(), &schema, &writer_, &error_);
    if (status != kKolosalArrowOk) array.release(&array);
    check(status);
  }

  /// Called by the library, which no exception may pass: it is kept for check().
  static int take_bytes(void* self, const void* bytes, std::size_t n_bytes) noexcept {
    auto& writer = *static_cast<ArrowWriter*>(self);
    try {
      writer.file_.write({static_cast<const char*>(bytes), n_bytes});
      return 0;
    } catch (...) {
      writer.thrown_ = std::current_exception();
      return 1;
    }
  }

  void check(int status) {
    if (status == kKolosalArrowOk) return;
    if (thrown_) std::rethrow_exception(std::exchange(thrown_, nullptr));
    throw Error(arrow_error_code(status), "can not write {} as {}: {}", shown_path_, shown_format_,
                error_.text);
  }

  const ArrowLibrary& library_;
  std::string shown_path_;
  std::string shown_format_;
  std::string format_;
  OutputFile file_;
  KolosalArrowWriter* writer_ = nullptr;
  KolosalArrowError error_{};
  std::exception_ptr thrown_;
  std::map<std::string, GrowingDictionary> dictionaries_;
};

}  // namespace

std::unique_ptr<TableWriter> make_arrow_writer(const fs::path& path, const std::string& format) {
  return std::make_unique<ArrowWriter>(path, format);
}

}  // namespace kolosal::io
