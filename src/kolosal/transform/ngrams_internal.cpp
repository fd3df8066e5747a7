#include "kolosal/transform/ngrams_internal.hpp"

#include <array>

#include "kolosal/transform/text_words_internal.hpp"

namespace kolosal::transform {
namespace {

struct Range {
  std::uint32_t first, last;
};

// What is beyond ASCII and no letter, mark or digit: the signs of the scripts in common use, the blocks of
// punctuation, symbols and emoji, private use. By the Unicode character database; sorted.
constexpr Range kNoWord[] = {
    {0x80, 0xA9},       {0xAB, 0xB1},       {0xB4, 0xB4},       {0xB6, 0xB8},       {0xBB, 0xBB},
    {0xBF, 0xBF},       {0xD7, 0xD7},       {0xF7, 0xF7},       {0x2C2, 0x2C5},     {0x2D2, 0x2DF},
    {0x2E5, 0x2EB},     {0x2ED, 0x2ED},     {0x2EF, 0x2FF},     {0x375, 0x375},     {0x37E, 0x37E},
    {0x384, 0x385},     {0x387, 0x387},     {0x3F6, 0x3F6},     {0x482, 0x482},     {0x55A, 0x55F},
    {0x589, 0x58F},     {0x5BE, 0x5BE},     {0x5C0, 0x5C0},     {0x5C3, 0x5C3},     {0x5C6, 0x5C6},
    {0x5F3, 0x60F},     {0x61B, 0x61F},     {0x66A, 0x66D},     {0x6D4, 0x6D4},     {0x6DD, 0x6DE},
    {0x6E9, 0x6E9},     {0x6FD, 0x6FE},     {0x700, 0x70F},     {0x964, 0x965},     {0x970, 0x970},
    {0xE3F, 0xE3F},     {0xE4F, 0xE4F},     {0xE5A, 0xE5B},     {0x10FB, 0x10FB},   {0x1360, 0x1368},
    {0x166D, 0x166E},   {0x1680, 0x1680},   {0x17D4, 0x17D6},   {0x17D8, 0x17DB},   {0x1800, 0x180A},
    {0x1FBD, 0x1FBD},   {0x1FBF, 0x1FC1},   {0x1FCD, 0x1FCF},   {0x1FDD, 0x1FDF},   {0x1FED, 0x1FEF},
    {0x1FFD, 0x206F},   {0x207A, 0x207E},   {0x208A, 0x208E},   {0x20A0, 0x20CF},   {0x2100, 0x2101},
    {0x2103, 0x2106},   {0x2108, 0x2109},   {0x2114, 0x2114},   {0x2116, 0x2118},   {0x211E, 0x2123},
    {0x2125, 0x2125},   {0x2127, 0x2127},   {0x2129, 0x2129},   {0x212E, 0x212E},   {0x213A, 0x213B},
    {0x2140, 0x2144},   {0x214A, 0x214D},   {0x214F, 0x214F},   {0x218A, 0x245F},   {0x249C, 0x24E9},
    {0x2500, 0x2775},   {0x2794, 0x2BFF},   {0x2E00, 0x2E2E},   {0x2E30, 0x3004},   {0x3008, 0x3020},
    {0x3030, 0x3030},   {0x3036, 0x3037},   {0x303D, 0x3040},   {0x309B, 0x309C},   {0x30A0, 0x30A0},
    {0x30FB, 0x30FB},   {0x3190, 0x3191},   {0x3196, 0x319F},   {0x31C0, 0x31EF},   {0x3200, 0x321F},
    {0x322A, 0x3247},   {0x3250, 0x3250},   {0x3260, 0x327F},   {0x328A, 0x32B0},   {0x32C0, 0x33FF},
    {0x4DC0, 0x4DFF},   {0xD800, 0xF8FF},   {0xFD3E, 0xFD4F},   {0xFDFC, 0xFDFF},   {0xFE10, 0xFE19},
    {0xFE30, 0xFE6B},   {0xFEFF, 0xFF0F},   {0xFF1A, 0xFF20},   {0xFF3B, 0xFF40},   {0xFF5B, 0xFF65},
    {0xFFE0, 0xFFFF},   {0x1D000, 0x1D164}, {0x1D300, 0x1D35F}, {0x1F000, 0x1F0FF}, {0x1F10D, 0x1FBCF},
    {0xE0000, 0xE00FF}, {0xF0000, 0x10FFFF}};

// Base letters of U+00C0 .. U+017F by their canonical decomposition; "." where there is none.
constexpr std::string_view kBaseLetters =
    "AAAAAA.CEEEEIIII.NOOOOO..UUUUY..aaaaaa.ceeeeiiii.nooooo..uuuuy.y"
    "AaAaAaCcCcCcCcDd..EeEeEeEeEeGgGgGgGgHh..IiIiIiIiI...JjKk.LlLlLl."
    "...NnNnNn...OoOoOo..RrRrRrSsSsSsSsTtTt..UuUuUuUuUuUuWwYyYZzZzZzs";

constexpr bool is_ascii_word(unsigned char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
}

// By ASCII byte: the byte to write, in lower case; 0 for what belongs to no word.
constexpr std::array<char, 128> word_table(bool lower) {
  std::array<char, 128> out{};
  for (unsigned char c = 0; c < 128; ++c)
    if (is_ascii_word(c)) out[c] = static_cast<char>(lower && c >= 'A' && c <= 'Z' ? c + 32 : c);
  return out;
}
constexpr auto kWordBytes = word_table(false), kLowerWordBytes = word_table(true);

struct Character {
  std::uint32_t code;
  std::size_t n_bytes;
};

// The character at text[i]; a byte that begins none is a character of its own (a private one: no word).
Character decode(std::string_view text, std::size_t i) {
  const auto byte = [&](std::size_t k) {
    return static_cast<std::uint32_t>(static_cast<unsigned char>(text[k]));
  };
  const std::uint32_t lead = byte(i);
  if (lead < 0x80) return {lead, 1};
  const std::size_t n = lead >= 0xF0 ? 4 : lead >= 0xE0 ? 3 : 2;
  std::uint32_t code = lead & (0x7FU >> n);
  if (lead < 0xC2 || lead > 0xF4 || i + n > text.size()) return {0x10FFFF, 1};
  for (std::size_t k = 1; k < n; ++k) {
    if ((byte(i + k) & 0xC0) != 0x80) return {0x10FFFF, 1};
    code = code << 6 | (byte(i + k) & 0x3F);
  }
  return {code, n};
}

bool is_blank(std::uint32_t c) {
  return c == ' ' || (c >= 0x9 && c <= 0xD) || (c >= 0x1C && c <= 0x1F) || c == 0x85 || c == 0xA0 ||
         c == 0x1680 || (c >= 0x2000 && c <= 0x200A) || c == 0x2028 || c == 0x2029 || c == 0x202F ||
         c == 0x205F || c == 0x3000;
}

bool is_ascii(std::string_view text) {
  unsigned char all = 0;
  for (const char c : text) all |= static_cast<unsigned char>(c);
  return all < 0x80;
}

void append_without_accents(std::string_view text, std::string& out) {
  for (std::size_t i = 0; i < text.size();) {
    const Character c = decode(text, i);
    const char base = c.code >= 0xC0 && c.code <= 0x17F && c.n_bytes == 2 ? kBaseLetters[c.code - 0xC0] : '.';
    if (base != '.')
      out += base;
    else if (c.code < 0x300 || c.code > 0x36F)
      out.append(text.substr(i, c.n_bytes));
    i += c.n_bytes;
  }
}

}  // namespace

bool is_word_character(std::uint32_t c) {
  if (c < 0x80) return is_ascii_word(static_cast<unsigned char>(c));
  const Range* range = std::ranges::upper_bound(kNoWord, c, {}, &Range::first);
  return range == std::begin(kNoWord) || (range - 1)->last < c;
}

NgramReader::NgramReader(const NgramOptions& options) : options_(options) {
  stop_words_.insert(options.stop_words.begin(), options.stop_words.end());
}

std::string_view NgramReader::folded(std::string_view text) {
  if (options_.lower_case) {
    folded_.clear();
    append_lower_utf8(text, folded_);
    text = folded_;
  }
  if (options_.strip_accents && !is_ascii(text)) {
    stripped_.clear();
    append_without_accents(text, stripped_);
    text = stripped_;
  }
  return text;
}

void NgramReader::prepare(std::string_view text) {
  begins_.clear();
  ends_.clear();
  text_.clear();
  if (options_.kind == NgramKind::kWord)
    prepare_words(text);
  else
    prepare_characters(text);
}

// Takes text_[begin, end) as a word, or leaves it out; returns where the next one may begin.
std::size_t NgramReader::end_word(std::size_t begin, std::size_t end, std::size_t n_characters) {
  if (begin == end || n_characters < options_.min_word_length ||
      (!stop_words_.empty() && stop_words_.contains(std::string_view(text_).substr(begin, end - begin))))
    return begin;
  begins_.push_back(static_cast<std::uint32_t>(begin));
  ends_.push_back(static_cast<std::uint32_t>(end));
  text_[end] = ' ';
  return end + 1;
}

void NgramReader::prepare_words(std::string_view text) {
  if (!is_ascii(text)) text = folded(text);  // else the table has the lower case
  const auto& table = options_.lower_case ? kLowerWordBytes : kWordBytes;
  text_.resize(text.size() + 1);  // each word and a blank behind it: never longer
  char* const out = text_.data();
  std::size_t begin = 0;
  for (std::size_t i = 0; i < text.size();) {
    std::size_t end = begin, n_characters = 0;
    while (i < text.size()) {
      const auto byte = static_cast<unsigned char>(text[i]);
      if (byte < 0x80) {
        ++i;
        if (!table[byte]) break;
        out[end++] = table[byte];
      } else {
        const Character c = decode(text, i);
        i += c.n_bytes;
        if (!is_word_character(c.code)) break;
        for (std::size_t k = i - c.n_bytes; k < i; ++k) out[end++] = text[k];
      }
      ++n_characters;
    }
    begin = end_word(begin, end, n_characters);
  }
}

void NgramReader::prepare_characters(std::string_view text) {
  text = folded(text);
  words_.clear();
  const bool in_word = options_.kind == NgramKind::kInWord;
  bool in_blank = false;
  const auto add = [&](std::string_view bytes) {
    begins_.push_back(static_cast<std::uint32_t>(text_.size()));
    text_.append(bytes);
  };
  if (in_word) {
    words_.push_back(0);
    add(" ");
    in_blank = true;
  }
  for (std::size_t i = 0; i < text.size();) {
    const Character c = decode(text, i);
    const std::string_view bytes = text.substr(i, c.n_bytes);
    i += c.n_bytes;
    if (!is_blank(c.code)) {
      add(bytes);
      in_blank = false;
    } else if (in_word) {
      if (!in_blank) words_.push_back(static_cast<std::uint32_t>(begins_.size())), add(" ");
      in_blank = true;
    } else if (!in_blank) {
      add(bytes);
      in_blank = true;
    } else {  // a run of blanks is one plain blank
      text_.resize(begins_.back());
      text_ += ' ';
    }
  }
  if (in_word && !in_blank) words_.push_back(static_cast<std::uint32_t>(begins_.size())), add(" ");
  begins_.push_back(static_cast<std::uint32_t>(text_.size()));
}

}  // namespace kolosal::transform
