"""The local database: parquet files, the manifest that names them, and the coverage ledger."""
