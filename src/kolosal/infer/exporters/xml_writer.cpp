#include "kolosal/infer/exporters/xml_writer.hpp"

namespace kolosal::infer::exporters {

std::string xml_text(std::string_view text) {
  std::string out;
  for (const char c : text) {
    switch (c) {
      case '&':
        out += "&amp;";
        break;
      case '<':
        out += "&lt;";
        break;
      case '>':
        out += "&gt;";
        break;
      case '"':
        out += "&quot;";
        break;
      case '\n':
        out += "&#10;";
        break;
      case '\t':
        out += "&#9;";
        break;
      case '\r':
        out += "&#13;";
        break;
      default:
        if (static_cast<unsigned char>(c) < 32)
          out += "\xEF\xBF\xBD";
        else
          out += c;
    }
  }
  return out;
}

void XmlWriter::begin(std::string_view name, const Attributes& attributes) {
  text_.append(2 * open_.size(), ' ');
  text_ += "<";
  text_ += name;
  for (const auto& [key, value] : attributes) {
    text_ += " ";
    text_ += key;
    text_ += "=\"" + xml_text(value) + "\"";
  }
}

void XmlWriter::open(std::string_view name, const Attributes& attributes) {
  begin(name, attributes);
  text_ += ">\n";
  open_.emplace_back(name);
}

void XmlWriter::close() {
  const std::string name = std::move(open_.back());
  open_.pop_back();
  text_.append(2 * open_.size(), ' ');
  text_ += "</" + name + ">\n";
}

void XmlWriter::element(std::string_view name, const Attributes& attributes, std::string_view inside) {
  begin(name, attributes);
  if (inside.empty()) {
    text_ += "/>\n";
    return;
  }
  text_ += ">" + xml_text(inside) + "</";
  text_ += name;
  text_ += ">\n";
}

std::string XmlWriter::finish() && {
  while (!open_.empty()) close();
  return std::move(text_);
}

}  // namespace kolosal::infer::exporters
