"""Phase reports (P1-P13 Unified Specification Protocol v1), judged as plain values.

Every module here takes the value of a report, read from JSON, and says what is wrong with it
as breaches at JSON pointers; the checks turn those into findings with lines. What has the
wrong shape is the schema's to say: here it is passed over, so that one fault stays one finding.
"""
