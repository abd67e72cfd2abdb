namespace ShopMesh.Load;

/// <summary>A load cannot be offered; the message is for people.</summary>
public sealed class LoadException(string message, Exception? inner = null) : Exception(message, inner);
