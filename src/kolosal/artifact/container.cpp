#include "kolosal/artifact/container.hpp"

#include <algorithm>
#include <array>
#include <bit>
#include <cstring>
#include <nlohmann/json.hpp>
#include <set>
#include <span>
#include <utility>

#include "kolosal/artifact/atomic_file.hpp"
#include "kolosal/artifact/file_mapping.hpp"
#include "kolosal/core/error.hpp"
#include "kolosal/core/hash.hpp"
#include "kolosal/core/version.hpp"

// The file, all numbers little-endian:
//
//   header    128 bytes, see Header; its last 8 bytes are the XXH64 of the 120 before
//   table     see write_table(); its XXH64 is in the header
//   blocks    each at a multiple of 64, in the order of the table, without gaps but for the zero bytes up to
//   the next
//             multiple of 64; each XXH64 is in the table
//
// So every byte is covered: by a checksum, or by being zero. The file ends with its last block.
//
// A node block: n_json_bytes, n_arrays, then (offset in the block, n_bytes) of each array, all uint64; the
// JSON; the arrays, each at a multiple of 64.

namespace kolosal::artifact {
namespace {

static_assert(std::endian::native == std::endian::little, "the format is little-endian");

constexpr std::size_t kAlignment = 64;
constexpr std::size_t kHeaderBytes = 128;
constexpr std::array<char, 8> kMagic{'K', 'O', 'L', 'O', 'S', 'A', 'L', '\n'};
// Deeper JSON is not ours; parsers and destructors of it may recurse.
constexpr std::size_t kMaxJsonDepth = 512;

// This layout stays in every version of the format, so that any program can tell which version a file has.
struct Header {
  std::array<char, 8> magic = kMagic;
  std::uint32_t format_version = kFormatVersion;
  std::uint32_t header_bytes = kHeaderBytes;
  std::uint64_t file_bytes = 0;
  std::uint64_t table_offset = kHeaderBytes;
  std::uint64_t table_bytes = 0;
  std::uint64_t table_checksum = 0;
  std::array<char, 64> engine_version{};  // zero bytes behind the text
  std::uint64_t reserved = 0;
  std::uint64_t checksum = 0;  // of what is before it
};
static_assert(sizeof(Header) == kHeaderBytes);

std::uint64_t header_checksum(const Header& header) {
  return hash_bytes(&header, offsetof(Header, checksum));
}

std::uint64_t align_up(std::uint64_t n) { return (n + kAlignment - 1) / kAlignment * kAlignment; }

// ---- Writing --------------------------------------------------------------------------------------------

void append(std::vector<std::byte>& out, const void* data, std::size_t n_bytes) {
  const auto* first = static_cast<const std::byte*>(data);
  if (n_bytes > 0) out.insert(out.end(), first, first + n_bytes);
}

template <typename T>
void append_number(std::vector<std::byte>& out, T value) {
  append(out, &value, sizeof value);
}

void append_text(std::vector<std::byte>& out, const std::string& text) {
  append_number(out, static_cast<std::uint32_t>(text.size()));
  append(out, text.data(), text.size());
}

std::vector<std::byte> write_table(const std::vector<BlockInfo>& blocks) {
  std::vector<std::byte> out;
  append_number(out, static_cast<std::uint32_t>(blocks.size()));
  for (const BlockInfo& block : blocks) {
    append_text(out, block.name);
    append_text(out, block.type);
    append_number(out, block.version);
    append_number(out, block.offset);
    append_number(out, block.n_bytes);
    append_number(out, block.checksum);
  }
  return out;
}

std::string dump_json(const nlohmann::json& json, const std::string& block) {
  try {
    return json.dump();
  } catch (const nlohmann::json::exception& error) {
    throw Error(ErrorCode::kData, "'{}' can not be written to the model, its text is not UTF-8: {}", block,
                error.what());
  }
}

std::vector<std::byte> node_head(const Node& node, const std::string& name, std::vector<ArrayBytes>& arrays) {
  const std::string json = dump_json(node.to_json(arrays), name);
  std::vector<std::byte> out;
  append_number(out, std::uint64_t{json.size()});
  append_number(out, std::uint64_t{arrays.size()});
  std::uint64_t at = align_up(16 + 16 * arrays.size() + json.size());
  for (const ArrayBytes& array : arrays) {
    append_number(out, at);
    append_number(out, std::uint64_t{array.n_bytes});
    at = align_up(at + array.n_bytes);
  }
  append(out, json.data(), json.size());
  return out;
}

std::span<const std::byte> zeros(std::uint64_t n) {
  static constexpr std::array<std::byte, kAlignment> kZeros{};
  return std::span(kZeros).first(n);
}

/// A head and what is behind it. sink: takes bytes.
template <typename Sink>
void emit_block(std::span<const std::byte> head, std::span<const ArrayBytes> arrays, Sink&& sink) {
  sink(head);
  std::uint64_t at = head.size();
  for (const ArrayBytes& array : arrays) {
    sink(zeros(align_up(at) - at));
    sink(std::span(array.data, array.n_bytes));
    at = align_up(at) + array.n_bytes;
  }
}

// ---- Reading --------------------------------------------------------------------------------------------

// Reads numbers and texts from bytes that may be anything.
class Reader {
 public:
  Reader(std::span<const std::byte> bytes, const std::string& what) : bytes_(bytes), what_(what) {}

  template <typename T>
  T number() {
    T out;
    const auto from = take(sizeof out);
    std::memcpy(&out, from.data(), sizeof out);
    return out;
  }
  std::string text() {
    const auto from = take(number<std::uint32_t>());
    return {reinterpret_cast<const char*>(from.data()), from.size()};
  }
  std::span<const std::byte> take(std::uint64_t n) {
    if (n > bytes_.size()) throw Error(ErrorCode::kModel, "{} is damaged: it ends too early", what_);
    const auto out = bytes_.first(n);
    bytes_ = bytes_.subspan(n);
    return out;
  }
  std::size_t n_left() const { return bytes_.size(); }

 private:
  std::span<const std::byte> bytes_;
  std::string what_;
};

[[noreturn]] void cut(const std::string& path, std::uint64_t have, std::uint64_t want) {
  throw Error(ErrorCode::kModel, "the model file '{}' is cut: it has {} of {} bytes; copy it again", path,
              have, want);
}

Header read_header(std::span<const std::byte> file, const std::string& path) {
  const std::size_t n_magic = std::min(file.size(), kMagic.size());
  if (file.empty() || std::memcmp(file.data(), kMagic.data(), n_magic) != 0)
    throw Error(ErrorCode::kModel, "'{}' is not a kolosal model", path);
  if (file.size() < kHeaderBytes) cut(path, file.size(), kHeaderBytes);
  Header header;
  std::memcpy(&header, file.data(), sizeof header);
  const std::string newer =
      fmt::format("it has format {}, this program reads up to format {}; update kolosal",
                  header.format_version, kFormatVersion);
  if (header_checksum(header) != header.checksum) {
    if (header.format_version > kFormatVersion)
      throw Error(ErrorCode::kModel, "the model file '{}' is damaged in its header, or too new: {}", path,
                  newer);
    throw Error(ErrorCode::kModel, "the model file '{}' is damaged in its header; copy it again", path);
  }
  if (header.format_version > kFormatVersion) {
    const auto& name = header.engine_version;
    const std::string engine(name.begin(), std::find(name.begin(), name.end(), '\0'));
    throw Error(ErrorCode::kModel, "the model file '{}' was written by a newer kolosal ({}): {}", path,
                engine, newer);
  }
  if (header.format_version == 0 || header.header_bytes != kHeaderBytes ||
      header.table_offset != kHeaderBytes)
    throw Error(ErrorCode::kModel, "the model file '{}' has a header that kolosal does not write", path);
  if (file.size() < header.file_bytes) cut(path, file.size(), header.file_bytes);
  if (file.size() > header.file_bytes)
    throw Error(ErrorCode::kModel, "the model file '{}' has {} bytes too many at its end; copy it again",
                path, file.size() - header.file_bytes);
  if (header.table_bytes > file.size() - kHeaderBytes)
    throw Error(ErrorCode::kModel, "the model file '{}' is damaged: its table is longer than the file", path);
  return header;
}

std::vector<BlockInfo> read_table(std::span<const std::byte> table, const std::string& path) {
  const std::string what = fmt::format("the table of the model file '{}'", path);
  Reader reader(table, what);
  const auto n_blocks = reader.number<std::uint32_t>();
  std::vector<BlockInfo> out;  // not reserved: the number may be anything
  std::set<std::string> names;
  for (std::uint32_t i = 0; i < n_blocks; ++i) {
    BlockInfo block;
    block.name = reader.text();
    block.type = reader.text();
    block.version = reader.number<std::uint32_t>();
    block.offset = reader.number<std::uint64_t>();
    block.n_bytes = reader.number<std::uint64_t>();
    block.checksum = reader.number<std::uint64_t>();
    if (!names.insert(block.name).second)
      throw Error(ErrorCode::kModel, "{} names block '{}' twice", what, block.name);
    if (block.type != "json" && block.type != "node")
      throw Error(ErrorCode::kModel,
                  "the model file '{}' has a block '{}' of unknown type '{}'; update kolosal", path,
                  block.name, block.type);
    out.push_back(std::move(block));
  }
  if (reader.n_left() != 0) throw Error(ErrorCode::kModel, "{} is damaged: it is too long", what);
  return out;
}

bool all_zero(std::span<const std::byte> bytes) {
  return std::all_of(bytes.begin(), bytes.end(), [](std::byte b) { return b == std::byte{0}; });
}

// Blocks follow each other without gaps or overlaps and their bytes are those that were written.
void check_blocks(std::span<const std::byte> file, const std::vector<BlockInfo>& blocks, std::uint64_t at,
                  const std::string& path) {
  for (const BlockInfo& block : blocks) {
    const std::uint64_t begin = align_up(at);
    if (block.offset != begin || begin > file.size() || block.n_bytes > file.size() - begin)
      throw Error(ErrorCode::kModel, "the model file '{}' is damaged: block '{}' is misplaced", path,
                  block.name);
    const auto bytes = file.subspan(begin, block.n_bytes);
    if (!all_zero(file.subspan(at, begin - at)) || hash_bytes(bytes.data(), bytes.size()) != block.checksum)
      throw Error(ErrorCode::kModel,
                  "the model file '{}' is damaged in block '{}' (bytes {} to {}); copy it again", path,
                  block.name, at, begin + block.n_bytes);
    at = begin + block.n_bytes;
  }
  if (at != file.size())
    throw Error(ErrorCode::kModel, "the model file '{}' is damaged: {} bytes belong to no block", path,
                file.size() - at);
}

void check_depth(std::string_view json, const std::string& what) {
  std::size_t depth = 0;
  bool in_string = false;
  for (std::size_t i = 0; i < json.size(); ++i) {
    const char c = json[i];
    if (in_string) {
      if (c == '\\') ++i;
      if (c == '"') in_string = false;
    } else if (c == '"') {
      in_string = true;
    } else if (c == '[' || c == '{') {
      if (++depth > kMaxJsonDepth) throw Error(ErrorCode::kModel, "{} is nested too deeply", what);
    } else if ((c == ']' || c == '}') && depth > 0) {
      --depth;
    }
  }
}

nlohmann::json parse_json(std::span<const std::byte> bytes, const std::string& what) {
  const std::string_view text(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  check_depth(text, what);
  try {
    return nlohmann::json::parse(text);
  } catch (const nlohmann::json::exception& error) {
    throw Error(ErrorCode::kModel, "{} is damaged: {}", what, error.what());
  }
}

}  // namespace

void ContainerWriter::add_json(std::string name, const nlohmann::json& json, std::uint32_t version) {
  const std::string text = dump_json(json, name);
  std::vector<std::byte> bytes;
  append(bytes, text.data(), text.size());
  add(std::move(name), "json", version, std::move(bytes), {});
}

void ContainerWriter::add_node(std::string name, const Node& node, std::uint32_t version) {
  std::vector<ArrayBytes> arrays;
  auto head = node_head(node, name, arrays);
  add(std::move(name), "node", version, std::move(head), std::move(arrays));
}

void ContainerWriter::add(std::string name, std::string type, std::uint32_t version,
                          std::vector<std::byte> head, std::vector<ArrayBytes> arrays) {
  for (const Block& block : blocks_)
    if (block.info.name == name)
      throw Error(ErrorCode::kInternal, "a model holds two blocks named '{}'", name);
  BlockInfo info{std::move(name), std::move(type), version};
  StreamHash hash;
  emit_block(head, arrays, [&](std::span<const std::byte> piece) {
    hash.add(piece.data(), piece.size());
    info.n_bytes += piece.size();
  });
  info.checksum = hash.value();
  blocks_.push_back({std::move(info), std::move(head), std::move(arrays)});
}

template <typename Sink>
void ContainerWriter::emit(Sink&& sink) const {
  std::vector<BlockInfo> table;
  for (const Block& block : blocks_) table.push_back(block.info);
  Header header;
  header.table_bytes = write_table(table).size();  // offsets have a fixed width
  header.file_bytes = kHeaderBytes + header.table_bytes;
  for (BlockInfo& block : table) {
    block.offset = align_up(header.file_bytes);
    header.file_bytes = block.offset + block.n_bytes;
  }
  const auto table_bytes = write_table(table);
  header.table_checksum = hash_bytes(table_bytes.data(), table_bytes.size());
  static_assert(kVersion.size() < 64);
  std::copy(kVersion.begin(), kVersion.end(), header.engine_version.begin());
  header.checksum = header_checksum(header);

  sink(std::as_bytes(std::span(&header, 1)));
  sink(std::span(table_bytes));
  std::uint64_t at = kHeaderBytes + table_bytes.size();
  for (std::size_t i = 0; i < blocks_.size(); ++i) {
    sink(zeros(table[i].offset - at));
    emit_block(blocks_[i].head, blocks_[i].arrays, sink);
    at = table[i].offset + table[i].n_bytes;
  }
}

std::uint64_t ContainerWriter::n_bytes() const {
  std::uint64_t out = 0;
  emit([&](std::span<const std::byte> piece) { out += piece.size(); });
  return out;
}

std::vector<std::byte> ContainerWriter::bytes() const {
  std::vector<std::byte> out;
  out.reserve(n_bytes());
  emit([&](std::span<const std::byte> piece) { append(out, piece.data(), piece.size()); });
  return out;
}

void ContainerWriter::write(const std::filesystem::path& path, bool durable) const {
  write_pieces_atomically(path, [&](const ByteSink& sink) { emit(sink); }, durable);
}

Container Container::open(const std::filesystem::path& path) {
  FileMapping mapping = map_model_file(path);
  return from_memory(mapping.bytes, std::move(mapping.owner), path.string());
}

Container Container::from_memory(std::span<const std::byte> bytes, std::shared_ptr<const void> owner,
                                 std::string name) {
  Container out;
  out.path_ = std::move(name);
  const Header header = read_header(bytes, out.path_);
  const auto table = bytes.subspan(kHeaderBytes, header.table_bytes);
  if (hash_bytes(table.data(), table.size()) != header.table_checksum)
    throw Error(ErrorCode::kModel, "the model file '{}' is damaged in its table; copy it again", out.path_);
  out.blocks_ = read_table(table, out.path_);
  check_blocks(bytes, out.blocks_, kHeaderBytes + header.table_bytes, out.path_);
  out.map_ = std::move(owner);
  out.data_ = bytes.data();
  out.file_bytes_ = bytes.size();
  out.format_version_ = header.format_version;
  const auto& engine = header.engine_version;
  out.engine_version_.assign(engine.begin(), std::find(engine.begin(), engine.end(), '\0'));
  return out;
}

bool Container::has(std::string_view name) const {
  return std::any_of(blocks_.begin(), blocks_.end(),
                     [&](const BlockInfo& block) { return block.name == name; });
}

const BlockInfo& Container::find(std::string_view name, std::string_view type,
                                 std::uint32_t max_version) const {
  for (const BlockInfo& block : blocks_) {
    if (block.name != name) continue;
    if (block.type != type)
      throw Error(ErrorCode::kModel, "block '{}' of the model file '{}' has another type: {} instead of {}",
                  name, path_, block.type, type);
    if (block.version > max_version)
      throw Error(
          ErrorCode::kModel,
          "block '{}' of the model file '{}' has version {}, this program reads up to {}; update kolosal",
          name, path_, block.version, max_version);
    return block;
  }
  throw Error(ErrorCode::kModel, "the model file '{}' has no block '{}'", path_, name);
}

nlohmann::json Container::json(std::string_view name, std::uint32_t max_version) const {
  const BlockInfo& block = find(name, "json", max_version);
  return parse_json({data_ + block.offset, block.n_bytes},
                    fmt::format("block '{}' of the model file '{}'", name, path_));
}

Node Container::node(std::string_view name, std::uint32_t max_version) const {
  const BlockInfo& block = find(name, "node", max_version);
  const std::span<const std::byte> bytes(data_ + block.offset, block.n_bytes);
  const std::string what = fmt::format("block '{}' of the model file '{}'", name, path_);
  Reader reader(bytes, what);
  const auto n_json_bytes = reader.number<std::uint64_t>();
  const auto n_arrays = reader.number<std::uint64_t>();
  if (n_arrays > reader.n_left() / 16)
    throw Error(ErrorCode::kModel, "{} is damaged: it ends too early", what);
  std::vector<ArrayBytes> arrays;
  for (std::uint64_t i = 0; i < n_arrays; ++i) {
    const auto offset = reader.number<std::uint64_t>();
    const auto n_bytes = reader.number<std::uint64_t>();
    if (offset % kAlignment != 0 || offset > bytes.size() || n_bytes > bytes.size() - offset)
      throw Error(ErrorCode::kModel, "{} is damaged: array {} is misplaced", what, i);
    arrays.push_back({map_, bytes.data() + offset, n_bytes});
  }
  return Node::from_json(parse_json(reader.take(n_json_bytes), what), arrays, std::string(name));
}

}  // namespace kolosal::artifact
