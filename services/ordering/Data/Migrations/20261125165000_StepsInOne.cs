using Microsoft.EntityFrameworkCore.Migrations;

#nullable disable

namespace ShopMesh.Ordering.Data.Migrations
{
    /// <inheritdoc />
    public partial class StepsInOne : Migration
    {
        /// <summary>Committing the stock and creating the shipment are one step; taken from before them, nothing is done twice.</summary>
        protected override void Up(MigrationBuilder migrationBuilder) =>
            migrationBuilder.Sql("UPDATE orders SET step = 'Capture' WHERE step IN ('CommitStock', 'CreateShipment')");

        /// <inheritdoc />
        protected override void Down(MigrationBuilder migrationBuilder) =>
            migrationBuilder.Sql("UPDATE orders SET step = 'Capture' WHERE step = 'Fulfil'");
    }
}
