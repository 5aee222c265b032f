"""Test restores: into a scratch place, looked at there, and gone afterwards."""
