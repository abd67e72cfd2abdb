namespace ShopMesh.Identity.Keys;

/// <summary>The configuration section <c>Identity:Keys</c>.</summary>
internal sealed class KeyOptions
{
    /// <summary>How long a key signs.</summary>
    public TimeSpan RotateAfter { get; set; } = TimeSpan.FromDays(90);

    /// <summary>How long a new key is published before it signs: longer than services keep the key set.</summary>
    public TimeSpan PublishAhead { get; set; } = TimeSpan.FromHours(24);

    /// <summary>How long a key that no longer signs stays published: longer than any token lives.</summary>
    public TimeSpan KeepAfter { get; set; } = TimeSpan.FromDays(15);

    /// <summary>How often a replica looks for keys that another has made.</summary>
    public TimeSpan Poll { get; set; } = TimeSpan.FromMinutes(1);
}
