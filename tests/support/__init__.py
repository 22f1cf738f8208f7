"""What tests share: servers, stores, generators."""
