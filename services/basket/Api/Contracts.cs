using System.ComponentModel.DataAnnotations;
using System.Text.Json;
using System.Text.Json.Serialization;
using ShopMesh.Basket.Data;

namespace ShopMesh.Basket.Api;

public sealed record QuantityRequest([property: Required, Range(1, BasketContext.MaxQuantity)] int? Quantity);

internal sealed record BasketResponse(IReadOnlyList<BasketItemResponse> Items, Money Total);

internal sealed record BasketItemResponse(string ProductId, string Name, int Quantity, Money UnitPrice, Money LineTotal);

[JsonSourceGenerationOptions(JsonSerializerDefaults.Web)]
[JsonSerializable(typeof(QuantityRequest))]
[JsonSerializable(typeof(BasketResponse))]
internal sealed partial class BasketJson : JsonSerializerContext;
