#include <cstring>

#include "kolosal/io/formats/json_scanner_internal.hpp"

namespace kolosal::io {
namespace {

constexpr int kMaxDepth = 1000;

bool is_digit(char c) { return c >= '0' && c <= '9'; }

class JsonScanner {
 public:
  JsonScanner(const char* p, const char* end, std::deque<std::string>& unescaped, JsonProblem& problem)
      : p_(p), end_(end), unescaped_(unescaped), problem_(problem) {}

  const char* read_object(std::vector<JsonMember>& members) {
    members.clear();
    skip_blanks();
    if (!take('{')) return fail("expected an object: {\"name\": value, ...}");
    skip_blanks();
    if (take('}')) return p_;
    do {
      skip_blanks();
      JsonMember member;
      Cell key;
      if (!read_string(key)) return nullptr;
      member.key = key.text();
      skip_blanks();
      if (!take(':')) return fail("expected ':' after a name");
      skip_blanks();
      if (!read_value(member.value)) return nullptr;
      members.push_back(member);
      skip_blanks();
    } while (take(','));
    if (!take('}')) return fail("expected ',' or '}' after a value");
    return p_;
  }

 private:
  const char* fail(const char* reason) {
    if (!problem_.where) problem_ = {p_, reason};
    return nullptr;
  }
  void skip_blanks() { p_ = skip_json_blanks(p_, end_); }
  bool take(char c) {
    if (p_ == end_ || *p_ != c) return false;
    ++p_;
    return true;
  }
  bool take_word(std::string_view word) {
    if (static_cast<std::size_t>(end_ - p_) < word.size() || std::string_view(p_, word.size()) != word)
      return false;
    p_ += word.size();
    return true;
  }

  bool read_value(Cell& cell) {
    const char* const begin = p_;
    if (p_ == end_) return fail("the text ends where a value should be");
    switch (*p_) {
      case '"':
        return read_string(cell);
      case 'n':
        cell.absent = 1;
        return take_word("null") || fail("unknown word, expected null");
      case 't':
        if (!take_word("true")) return fail("unknown word, expected true");
        break;
      case 'f':
        if (!take_word("false")) return fail("unknown word, expected false");
        break;
      case '{':
      case '[':
        if (!skip_nested(0)) return false;
        cell.quoted = cell.string = 1;
        break;
      default:
        if (!skip_number()) return false;
        break;
    }
    cell.set_text(begin, p_);
    return true;
  }

  bool skip_number() {
    // NaN and infinities are no JSON, but Python writes them.
    if (take_word("NaN") || take_word("Infinity") || take_word("-Infinity")) return true;
    const char* const begin = p_;
    take('-');
    const char* const digits = p_;
    while (p_ < end_ && is_digit(*p_)) ++p_;
    if (p_ == digits) {
      p_ = begin;
      return fail("expected a value");
    }
    if (p_ - digits > 1 && *digits == '0') {
      p_ = begin;
      return fail("a number with a leading zero");
    }
    if (take('.')) {
      const char* const fraction = p_;
      while (p_ < end_ && is_digit(*p_)) ++p_;
      if (p_ == fraction) return fail("expected a digit after the decimal point");
    }
    if (p_ < end_ && (*p_ == 'e' || *p_ == 'E')) {
      ++p_;
      if (p_ < end_ && (*p_ == '+' || *p_ == '-')) ++p_;
      const char* const exponent = p_;
      while (p_ < end_ && is_digit(*p_)) ++p_;
      if (p_ == exponent) return fail("expected a digit in the exponent");
    }
    return true;
  }

  bool skip_nested(int depth) {
    if (depth > kMaxDepth) return fail("nested more than 1000 deep");
    const char close = *p_ == '{' ? '}' : ']';
    ++p_;
    skip_blanks();
    if (take(close)) return true;
    do {
      skip_blanks();
      if (close == '}') {
        Cell key;
        if (!read_string(key)) return false;
        skip_blanks();
        if (!take(':')) return fail("expected ':' after a name");
        skip_blanks();
      }
      if (p_ < end_ && (*p_ == '{' || *p_ == '[')) {
        if (!skip_nested(depth + 1)) return false;
      } else {
        Cell value;
        if (!read_value(value)) return false;
      }
      skip_blanks();
    } while (take(','));
    return take(close) ||
           fail(close == '}' ? "expected ',' or '}' after a value" : "expected ',' or ']' after a value");
  }

  bool read_string(Cell& cell) {
    if (!take('"')) return fail("expected a string in double quotes");
    const char* const begin = p_;
    cell.quoted = cell.string = 1;
    while (p_ < end_ && *p_ != '"' && *p_ != '\\' && static_cast<unsigned char>(*p_) >= 0x20) ++p_;
    if (p_ < end_ && *p_ == '"') {
      cell.set_text(begin, p_);
      ++p_;
      return true;
    }
    std::string text(begin, p_);
    while (p_ < end_ && *p_ != '"') {
      if (static_cast<unsigned char>(*p_) < 0x20)
        return fail("a string holds a line end or control character");
      if (*p_ == '\\') {
        if (!read_escape(text)) return false;
      } else {
        text += *p_++;
      }
    }
    if (!take('"')) return fail("a string that is never closed");
    const std::string& copy = unescaped_.emplace_back(std::move(text));
    cell.set_text(copy.data(), copy.data() + copy.size());
    cell.transient = 1;
    return true;
  }

  bool read_escape(std::string& out) {
    ++p_;
    if (p_ == end_) return fail("the text ends inside an escape");
    const char c = *p_++;
    constexpr std::string_view kFrom = "\"\\/bfnrt", kTo = "\"\\/\b\f\n\r\t";
    if (const std::size_t known = kFrom.find(c); known != std::string_view::npos) {
      out += kTo[known];
      return true;
    }
    unsigned code = 0;
    if (c != 'u' || !read_hex(code)) return fail("an escape that JSON does not have");
    if (code >= 0xD800 && code < 0xDC00 && end_ - p_ >= 6 && p_[0] == '\\' && p_[1] == 'u') {
      p_ += 2;
      unsigned low = 0;
      if (!read_hex(low) || low < 0xDC00 || low > 0xDFFF) return fail("half a surrogate pair");
      code = 0x10000 + ((code - 0xD800) << 10) + (low - 0xDC00);
    } else if (code >= 0xD800 && code < 0xE000) {
      return fail("half a surrogate pair");
    }
    append_utf8(out, code);
    return true;
  }

  bool read_hex(unsigned& code) {
    if (end_ - p_ < 4) return false;
    code = 0;
    for (int i = 0; i < 4; ++i) {
      const char c = *p_++;
      const char lower = static_cast<char>(c | 0x20);
      if (!is_digit(c) && !(lower >= 'a' && lower <= 'f')) return false;
      code = code * 16 + static_cast<unsigned>(is_digit(c) ? c - '0' : lower - 'a' + 10);
    }
    return true;
  }

  const char* p_;
  const char* end_;
  std::deque<std::string>& unescaped_;
  JsonProblem& problem_;
};

}  // namespace

const char* read_json_object(const char* p, const char* end, std::vector<JsonMember>& members,
                             std::deque<std::string>& unescaped, JsonProblem& problem) {
  problem = {};
  return JsonScanner(p, end, unescaped, problem).read_object(members);
}

}  // namespace kolosal::io
