"""The customer's product (ERP) by the pack that describes it."""

TARGET = "product"
