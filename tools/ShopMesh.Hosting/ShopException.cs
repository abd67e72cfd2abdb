namespace ShopMesh.Hosting;

/// <summary>Something that the person at the keyboard can put right: the message is one sentence that says how.</summary>
public class ShopException(string message, Exception? cause = null) : Exception(message, cause);
