"""The 系统巡检报告: gathered from the database, composed as one value, rendered as HTML and PDF."""
