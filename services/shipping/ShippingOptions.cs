namespace ShopMesh.Shipping;

/// <summary>The configuration section <c>Shipping</c>.</summary>
internal sealed class ShippingOptions
{
    /// <summary>Flat: the same for every country.</summary>
    public List<Rate> Rates { get; } = [];

    /// <summary>How long the carrier takes, from dispatch to delivery.</summary>
    public TimeSpan DeliveryDelay { get; set; }
}

/// <param name="Id">Stable: orders keep it.</param>
/// <param name="Price">In the shop's currency.</param>
/// <param name="Days">What customers are told, in working days.</param>
internal sealed record Rate(string Id, string Name, decimal Price, int Days);
