#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace kolosal::infer::exporters {

/// Writes XML element by element, indented.
class XmlWriter {
 public:
  using Attributes = std::vector<std::pair<std::string_view, std::string>>;

  XmlWriter() { text_ = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"; }
  void open(std::string_view name, const Attributes& attributes = {});
  void close();
  /// An element without children, with text inside where there is some.
  void element(std::string_view name, const Attributes& attributes = {}, std::string_view inside = "");
  /// Closes what is open.
  std::string finish() &&;

 private:
  void begin(std::string_view name, const Attributes& attributes);

  std::string text_;
  std::vector<std::string> open_;
};

/// Text as XML has it; what XML 1.0 can not hold at all becomes U+FFFD.
std::string xml_text(std::string_view text);

}  // namespace kolosal::infer::exporters
