using System.ComponentModel;
using System.ComponentModel.DataAnnotations;
using System.Text.Json;
using System.Text.Json.Serialization;
using ShopMesh.Inventory.Data;

namespace ShopMesh.Inventory.Api;

internal sealed record AvailabilityResponse(string ProductId, int Available);

internal sealed record AvailabilitiesResponse(IReadOnlyList<AvailabilityResponse> Items);

public sealed record StockRequest([property: Required, Range(0, 1_000_000), Description("In pieces.")] int? OnHand);

internal sealed record StockResponse(string ProductId, int OnHand, int Reserved, int Available)
{
    public static StockResponse From(Stock stock) => new(stock.ProductId, stock.OnHand, stock.Reserved, stock.OnHand - stock.Reserved);
}

/// <summary>What came and went, in pieces: on hand = seeded + corrected − sold + returned.</summary>
internal sealed record LedgerResponse(int Seeded, int Corrected, int Sold, int Returned);

internal sealed record AdminStockResponse(string ProductId, int OnHand, int Reserved, int Available, LedgerResponse Ledger, DateTimeOffset UpdatedAt)
{
    public static AdminStockResponse From(Stock stock) => new(
        stock.ProductId, stock.OnHand, stock.Reserved, stock.OnHand - stock.Reserved, new(stock.Seeded, stock.Corrected, stock.Sold, stock.Returned), stock.UpdatedAt);
}

[JsonSourceGenerationOptions(JsonSerializerDefaults.Web)]
[JsonSerializable(typeof(AvailabilitiesResponse))]
[JsonSerializable(typeof(StockRequest))]
[JsonSerializable(typeof(StockResponse))]
[JsonSerializable(typeof(Page<AdminStockResponse>))]
internal sealed partial class InventoryJson : JsonSerializerContext;
