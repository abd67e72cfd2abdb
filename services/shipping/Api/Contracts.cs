using System.Text.Json;
using System.Text.Json.Serialization;
using ShopMesh.Shipping.Data;

namespace ShopMesh.Shipping.Api;

internal sealed record ShippingOptionResponse(string Id, string Name, Money Price, int Days);

internal sealed record ShippingOptionsResponse(IReadOnlyList<ShippingOptionResponse> Items);

internal sealed record AdminShipmentResponse(
    Guid Id, string OrderId, ShipmentStatus Status, string? Carrier, string? TrackingNumber, DateTimeOffset CreatedAt, DateTimeOffset UpdatedAt)
{
    public static AdminShipmentResponse From(Shipment shipment) => new(
        shipment.Id, shipment.OrderId, shipment.Status, shipment.Carrier, shipment.TrackingNumber, shipment.CreatedAt, shipment.UpdatedAt);
}

[JsonSourceGenerationOptions(JsonSerializerDefaults.Web)]
[JsonSerializable(typeof(ShippingOptionsResponse))]
[JsonSerializable(typeof(Page<AdminShipmentResponse>))]
internal sealed partial class ShippingJson : JsonSerializerContext;
