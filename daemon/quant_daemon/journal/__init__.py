"""What happened, in order: one format for recordings, journals and replay input.

    codec       one event as bytes
    frames      one record on disk, and what tells a cut from damage
    header      the start of a segment file
    files       names, order and safe moves of segment files
    writer      appends, and never lies about what is on the disk
    reader      reads back, and trusts nothing it has not checked
    info        what a journal holds, in a few numbers
    decisions   a digest over every decision of a run
    trace       what the engine tells everything to
    feed        recorded bars as the input of another run

A journal is a directory of segment files, `000001.qej` and on. A segment is a header and then frames.
Every 1,000 records, at the end of each segment and when the journal is closed stands the BLAKE2b digest
of all bytes of the segment so far. The next segment's header names the last digest of the one before,
so the digests chain through the whole journal.
"""
