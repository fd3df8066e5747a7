#pragma once

#include "kolosal/data/arrow_c.hpp"
#include "kolosal/data/frame.hpp"

namespace kolosal::data {

// Tables in and out through the Arrow C data interface, without the Arrow library. A table is a struct array,
// one child per column (Arrow's record batch).
//
//   Arrow                                           here
//   bool                                            bool
//   int8 .. int64, uint8 .. uint32                  int
//   uint64                                          int; float when a value needs the 64th bit
//   float16, float32                                float32
//   float64, decimal128, decimal256                 float
//   utf8, large_utf8, utf8_view                     text
//   dictionary of texts                             category
//   dictionary of bool or numbers                   the type of its values
//   date32, date64                                  date
//   timestamp, any unit and zone                    timestamp (Arrow keeps UTC; the zone is only for show)
//   null                                            float, all missing
//
// Not copied: int64, timestamp in nanoseconds, float32 and float64 without nulls, large_utf8, the bytes of
// utf8, and the int32 indices of a dictionary without nulls.

/// Takes the array over, also when it throws: its release callback runs once no column needs it. The schema
/// stays the caller's. Missing rows of the struct itself are missing in every column.
/// @throws Error kData naming the column and its Arrow type when that is not in the list above, when a
/// dictionary index or text offset is out of bounds, when a text is not UTF-8, or when a time is outside the
/// years 1677 .. 2262.
Frame import_arrow(ArrowArray* array, const ArrowSchema* schema);

/// Fills both structs; each is to be released by the receiver, and keeps the buffers of the frame alive until
/// then. Copied: bool (Arrow has bits), date (becomes date32), category codes with missing or unseen cells
/// (both become null). A timestamp goes out without a zone, as most files have it.
/// @throws Error kUnsupported for a sparse column.
void export_arrow(const Frame& frame, ArrowArray* array, ArrowSchema* schema);

}  // namespace kolosal::data
